// Where something sealed belongs: the tenant, purpose, day, row and version that it is bound to, and the name of the key for it.
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import { ruleFor, type KeyHolder, type Purpose } from './purposes.js';

export interface Place {
  /** The tenant; for purposes of a hold, the hold's own id. */
  tenantId: string;
  purpose: Purpose;
  /** For purposes with keys by day, and only for them: the day in UTC, as 2026-11-24. */
  day?: string;
  /** What the bytes are of, such as raw_body:<mail id>: the same bytes do not open in another row. */
  row: string;
  /** Where a row is sealed anew, so that an older text of it does not open in its place. */
  version?: number;
}

/** One key of the keyring. */
export interface KeyName {
  tenantId: string;
  purpose: Purpose;
  /** infinity for a key that is not made by day. */
  day: string;
}

export const noDay = 'infinity';
export const maxRowLength = 512;

const dayPattern = /^\d{4}-\d{2}-\d{2}$/;

/** The name of the key for a place; refuses a place that is incomplete or not this service's. */
export function keyNameOf(holder: KeyHolder, place: Omit<Place, 'row'>): KeyName {
  const { daily } = ruleFor(holder, place.purpose);
  checkedTenant(place.tenantId);
  if (daily && place.day === undefined) throw invalid(`Keys of ${place.purpose} are made by day: name the day.`);
  if (!daily && place.day !== undefined) throw invalid(`The key of ${place.purpose} has no day: leave the day out.`);
  return { tenantId: place.tenantId, purpose: place.purpose, day: place.day === undefined ? noDay : checkedDay(place.day) };
}

/** The id itself, if it is written as ids are. */
export function checkedTenant(tenantId: string): string {
  if (!isId(tenantId)) throw invalid('A tenant id is a UUID in lower case.');
  return tenantId;
}

/** The day itself, if it is one of the calendar. */
export function checkedDay(day: string): string {
  const instant = dayPattern.test(day) ? new Date(`${day}T00:00:00Z`) : undefined;
  if (!instant || Number.isNaN(instant.getTime()) || instant.toISOString().slice(0, 10) !== day) {
    throw invalid('A day is a date of the calendar, as 2026-11-24.');
  }
  return day;
}

/** One text per key, for maps. */
export function keyNameText({ tenantId, purpose, day }: KeyName): string {
  return `${tenantId} ${purpose} ${day}`;
}

/** The associated data of a place: unambiguous, since JSON says where each part ends. */
export function bindingOf({ tenantId, purpose, day, row, version }: Place): Buffer {
  if (row.length === 0 || row.length > maxRowLength) throw invalid(`A row is named in 1 to ${maxRowLength} characters.`);
  if (version !== undefined && !Number.isSafeInteger(version)) throw invalid('A version is a whole number.');
  return Buffer.from(JSON.stringify([tenantId, purpose, day ?? noDay, row, version ?? null]));
}

function invalid(detail: string): Fault {
  return new Fault('invalid', 'PLACE_INVALID', detail);
}
