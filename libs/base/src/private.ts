// Privacy as a type: a value that can be used but neither logged, printed nor serialised by accident.

const inspect = Symbol.for('nodejs.util.inspect.custom');

/** Holds a secret or personal value. Only reveal() gives it back; every other way shows "[private]". */
export class Private<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return '[private]';
  }

  toJSON(): string {
    return '[private]';
  }

  [inspect](): string {
    return '[private]';
  }
}
