// The matching rules: on whose timelines a mail stands.
import type { ContactPolicy } from '@rejoinder/contracts/contact-policies';
import { withoutTag } from '@rejoinder/mail/addresses';

export interface Person {
  address: string;
  name: string;
}

/** Who is on a mail, as its headers or its send have it. */
export interface OnMail {
  source: 'sync' | 'sending';
  kind: string;
  /** It is there for its contacts alone. */
  knownOnly: boolean;
  from: Person | undefined;
  to: Person[];
  cc: Person[];
  bcc: Person[];
  /** Of a delivery report alone: whom it tells of. */
  reported?: Person[];
}

export interface Match {
  direction: 'in' | 'out';
  /** Contacts that are made if they are missing. */
  made: Person[];
  /** Those who are on it if they are contacts already. */
  known: Person[];
}

/** What the settings say of a mail. */
export interface PlacingRules {
  makeContacts: ContactPolicy;
  /** Mail that nobody but own people is on stands with each of them. */
  logsInternal: boolean;
}

/** Kinds of mail that no person wrote. */
const programs: ReadonlySet<string> = new Set(['delivery_report', 'complaint', 'auto_reply']);

/** Contacts of one mail; a mail to more stands on the first of them. */
export const maxPeople = 200;

/**
 * Takes who is on a mail and the tenant's own addresses in lower case. Mail in stands on the timeline of who wrote it, and of those it went to who
 * are contacts; mail out on the timelines of those it was written to, and of those copied who are contacts. Own addresses, also with a tag, are nobody's
 * contacts, but for internal mail where that is logged. What no person wrote makes no contact; a delivery report stands on those it tells of who are
 * contacts. Nor does a mail make one that is there for its contacts alone, nor one that the settings let make none.
 */
export function match(mail: OnMail, own: ReadonlySet<string>, rules: PlacingRules): Match {
  const from = mail.from ? [mail.from] : [];
  const isOut = mail.source === 'sending' || from.some((one) => isOwn(one, own));
  const [wrote, copied] = isOut ? [mail.to, [...mail.cc, ...mail.bcc]] : [from, [...mail.to, ...mail.cc]];
  if (rules.logsInternal && isOut && isInternal(mail, own)) {
    const members = [...from, ...mail.to, ...mail.cc, ...mail.bcc].map((one) => ({ ...one, address: ownOf(one, own) ?? '' }));
    return { direction: 'out', made: others(members, () => false), known: [] };
  }
  const isBarred = rules.makeContacts === 'nobody' || (rules.makeContacts === 'written_to' && !isOut);
  const makesNone = mail.knownOnly || programs.has(mail.kind) || isBarred;
  const made = makesNone ? [] : others(wrote, (one) => isOwn(one, own));
  const taken = new Set(made.map(keyOf));
  const known = others(
    makesNone ? [...wrote, ...copied, ...(mail.reported ?? [])] : copied,
    (one) => isOwn(one, own) || taken.has(keyOf(one)),
  );
  return { direction: isOut ? 'out' : 'in', made, known: known.slice(0, maxPeople - made.length) };
}

/** What two addresses are compared by. */
export const keyOf = ({ address }: Pick<Person, 'address'>): string => address.toLowerCase();

/** Whether it is one of these addresses (in lower case), or one of them with a tag. */
export const isOwn = (one: Pick<Person, 'address'>, own: ReadonlySet<string>): boolean => ownOf(one, own) !== undefined;

/** Which of these addresses it is, with a tag or without. */
function ownOf(one: Pick<Person, 'address'>, own: ReadonlySet<string>): string | undefined {
  const key = keyOf(one);
  return [key, withoutTag(key)].find((address) => address !== undefined && own.has(address));
}

/** Nobody but own people was written to. */
function isInternal({ to, cc, bcc }: OnMail, own: ReadonlySet<string>): boolean {
  return [...to, ...cc, ...bcc].every((one) => one.address === '' || isOwn(one, own));
}

/**
 * Takes people and the addresses of contacts (in lower case). Who has a tag in the address is the contact of the address without it, but for one
 * who is a contact with it.
 */
export function withoutTags(people: Person[], contacts: ReadonlySet<string>): Person[] {
  return people.map((one) => {
    const address = withoutTag(keyOf(one));
    return address === undefined || contacts.has(keyOf(one)) || !contacts.has(address) ? one : { ...one, address };
  });
}

function others(people: Person[], isLeftOut: (one: Person) => boolean): Person[] {
  const found = new Map<string, Person>();
  for (const one of people) {
    const key = keyOf(one);
    if (one.address !== '' && !isLeftOut(one) && !found.has(key)) found.set(key, one);
  }
  return [...found.values()].slice(0, maxPeople);
}
