// What the bus needs of a logger; pino has this shape. Nothing of an event's value is ever given to it.

export interface BusLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
