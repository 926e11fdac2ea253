// What keys are for: a closed list of purposes, who holds each, and whether its keys are made by day so that days can be shredded.
import { Fault } from '@rejoinder/base/fault';

export const keyHolders = ['gateway', 'connections', 'sync', 'threading', 'attachment', 'sending', 'timeline', 'retention'] as const;

/** A service, as the keyring knows it. */
export type KeyHolder = (typeof keyHolders)[number];

/** Services that keep copies aside for holds; a hold's key lies under a root of its own, the hold's id in the tenant's place. */
export type HoldKeeper = 'sync' | 'attachment' | 'sending' | 'timeline';

export type Purpose =
  | 'ids'
  | 'raw'
  | 'headers'
  | 'sent'
  | 'sends'
  | 'text'
  | 'files'
  | 'credentials'
  | 'webhooks'
  | `letters:${KeyHolder}`
  | `hold:${HoldKeeper}`;

export interface PurposeRule {
  /** Keys by day, which are shredded by day; else one key for as long as the tenant lives. */
  daily: boolean;
  holders: readonly KeyHolder[];
}

/** The same list as in migrations/, where it is enforced; here it tells a mistake from a missing key. */
export const purposes: Readonly<Record<Purpose, PurposeRule>> = {
  ids: { daily: false, holders: ['sync', 'threading', 'sending', 'timeline', 'connections', 'retention'] },
  raw: { daily: true, holders: ['sync'] },
  headers: { daily: true, holders: ['sync'] },
  sent: { daily: true, holders: ['sending'] },
  sends: { daily: false, holders: ['sending'] },
  text: { daily: false, holders: ['timeline'] },
  files: { daily: false, holders: ['attachment'] },
  credentials: { daily: false, holders: ['connections'] },
  webhooks: { daily: false, holders: ['gateway'] },
  'letters:gateway': { daily: true, holders: ['gateway'] },
  'letters:connections': { daily: true, holders: ['connections'] },
  'letters:sync': { daily: true, holders: ['sync'] },
  'letters:threading': { daily: true, holders: ['threading'] },
  'letters:attachment': { daily: true, holders: ['attachment'] },
  'letters:sending': { daily: true, holders: ['sending'] },
  'letters:timeline': { daily: true, holders: ['timeline'] },
  'letters:retention': { daily: true, holders: ['retention'] },
  'hold:sync': { daily: false, holders: ['sync'] },
  'hold:attachment': { daily: false, holders: ['attachment'] },
  'hold:sending': { daily: false, holders: ['sending'] },
  'hold:timeline': { daily: false, holders: ['timeline'] },
};

/** The rule of a purpose; refuses a purpose that is unknown or not this service's to hold. */
export function ruleFor(holder: KeyHolder, purpose: Purpose): PurposeRule {
  const rule = Object.hasOwn(purposes, purpose) ? purposes[purpose] : undefined;
  if (!rule) throw new Fault('invalid', 'PURPOSE_UNKNOWN', `There is no purpose ${String(purpose).slice(0, 40)} in the keyring.`);
  if (!rule.holders.includes(holder)) throw new Fault('denied', 'PURPOSE_DENIED', `${holder} does not hold keys of ${purpose}.`);
  return rule;
}
