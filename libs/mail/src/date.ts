// The instant a Date header names, read the same way on every machine (RFC 5322 §3.3 and §4.3).

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const ZONE_HOURS: Readonly<Record<string, number>> = { est: -5, edt: -4, cst: -6, cdt: -5, mst: -7, mdt: -6, pst: -8, pdt: -7 };
const MAX_DATE_LENGTH = 200;
const RFC_DATE =
  /^(?:[a-z]{1,12},? ?)?(\d{1,2})[ -]([a-z]{3,12})[ -](\d{2,4}),? (\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?: ?([+-]\d{4}|[a-z]{1,5}))?/i;
/** As nearly all mail programs write it; there is nothing to clean. */
const PLAIN_DATE = /^[a-z]{3}, \d{1,2} [a-z]{3} \d{4} \d\d:\d\d:\d\d(?: [a-z]{1,5}| [+-]\d{4})$/i;
const ISO_DATE = /^(\d{4})-(\d{2})-(\d{2})[t ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(z|[+-]\d{2}:?\d{2})/i;

/**
 * Takes the raw value of a Date header.
 * Gives the instant in whole seconds since 1970, or undefined where it is no date. A missing or unknown zone is UTC (RFC 5322 §4.3:
 * `-0000`), never the machine's own, which is why `Date.parse` is not used. Reads at most 200 characters.
 */
export function dateSeconds(raw: string): number | undefined {
  const text = PLAIN_DATE.test(raw) ? raw : cleaned(raw);
  const rfc = RFC_DATE.exec(text);
  if (rfc) {
    const month = MONTHS.indexOf((rfc[2] ?? '').slice(0, 3).toLowerCase());
    return instant([fullYear(rfc[3] ?? ''), month, Number(rfc[1]), Number(rfc[4]), Number(rfc[5]), Number(rfc[6] ?? 0)], rfc[7]);
  }
  const iso = ISO_DATE.exec(text);
  if (!iso) return undefined;
  return instant([Number(iso[1]), Number(iso[2]) - 1, Number(iso[3]), Number(iso[4]), Number(iso[5]), Number(iso[6] ?? 0)], iso[7]);
}

function cleaned(raw: string): string {
  return raw
    .slice(0, MAX_DATE_LENGTH)
    .replace(/\([^()]{0,200}\)/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/ ?: ?/g, ':')
    .trim();
}

type Fields = [year: number, month: number, day: number, hour: number, minute: number, second: number];

function instant([year, month, day, hour, minute, second]: Fields, zone: string | undefined): number | undefined {
  const inRange = month >= 0 && month < 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60 && second <= 60;
  if (!inRange || Number.isNaN(year)) return undefined;
  return Date.UTC(year, month, day, hour, minute, second) / 1000 - zoneSeconds(zone ?? '');
}

/** Two-digit years below 50 are of this century, three-digit ones count from 1900 (RFC 5322 §4.3). */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length >= 4) return year;
  return digits.length === 2 && year < 50 ? 2000 + year : 1900 + year;
}

function zoneSeconds(zone: string): number {
  const numeric = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  if (!numeric) return (ZONE_HOURS[zone.toLowerCase()] ?? 0) * 3600;
  const seconds = Number(numeric[2]) * 3600 + Number(numeric[3]) * 60;
  return numeric[1] === '-' ? -seconds : seconds;
}
