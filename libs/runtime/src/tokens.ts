// Names under which Nest hands out what is not a class of its own.

/** The role's settings: @Inject(SETTINGS) settings: Values<typeof settings>. */
export const SETTINGS = Symbol('settings');
/** The settings all roles share: HouseSettings. */
export const HOUSE_SETTINGS = Symbol('house settings');
/** Clock of @rejoinder/base. */
export const CLOCK = Symbol('clock');
/** Logger of this role. */
export const LOGGER = Symbol('logger');
/** EventLog of @rejoinder/bus. */
export const EVENT_LOG = Symbol('event log');
/** What starts the demo, where the process has one; the gateway takes it as optional. */
export const DEMO = Symbol('demo');

/** The demo as the gateway sees it. */
export interface DemoSwitch {
  state(): 'absent' | 'starting' | 'running';
  /** Connects the demo inbox if it is not, and sends its first mail if that was not sent. */
  begin(): Promise<void>;
}
