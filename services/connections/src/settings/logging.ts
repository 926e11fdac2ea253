// What of a tenant's mail is logged and who becomes a contact by it, and how a change of that is read.
import { Fault } from '@rejoinder/base/fault';
import { contactPolicies, type ContactPolicy } from '@rejoinder/contracts/contact-policies';

export interface Logging {
  makeContacts: ContactPolicy;
  /** Mail that nobody but own people are on. */
  logInternal: boolean;
}

/** What a person says of it; what is left out stays. */
export type GivenLogging = { [Of in keyof Logging]?: Logging[Of] | undefined };

export interface LoggingRow extends Logging {
  /** When internal mail was last no longer logged: what was captured of it before then stays. */
  internalUntil: Date | null;
}

export function readMakeContacts(given: string | undefined): ContactPolicy | undefined {
  const found = contactPolicies.find((one) => one === given);
  if (given === undefined || found !== undefined) return found;
  throw new Fault('invalid', 'MAKE_CONTACTS_INVALID', 'Contacts are made of "everyone", those "written_to", or "nobody".');
}

/** Gives the row as it is from now on, or undefined where nothing about it is new. */
export function changedLogging(before: LoggingRow, given: GivenLogging, now: Date): LoggingRow | undefined {
  const { makeContacts = before.makeContacts, logInternal = before.logInternal } = given;
  if (makeContacts === before.makeContacts && logInternal === before.logInternal) return undefined;
  return { makeContacts, logInternal, internalUntil: before.logInternal && !logInternal ? now : before.internalUntil };
}
