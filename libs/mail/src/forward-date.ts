// The instant that a forwarded mail's date line names, as mail programs write it for people in the languages they speak.
import { dateSeconds } from './date.js';

const MAX_LENGTH = 200;
const LANGUAGES = 'en de fr es it pt nl sv da nb fi pl cs sk hu ro tr el ru uk ca'.split(' ');
const ZONES: Readonly<Record<string, number>> = {
  utc: 0,
  gmt: 0,
  z: 0,
  wet: 0,
  west: 60,
  bst: 60,
  cet: 60,
  mez: 60,
  cest: 120,
  mesz: 120,
  eet: 120,
  eest: 180,
  msk: 180,
  est: -300,
  edt: -240,
  cst: -360,
  cdt: -300,
  mst: -420,
  mdt: -360,
  pst: -480,
  pdt: -420,
};
const HALVES: Readonly<Record<string, number>> = {
  am: 0,
  'a.m.': 0,
  'a. m.': 0,
  pm: 12,
  'p.m.': 12,
  'p. m.': 12,
  上午: 0,
  下午: 12,
  午前: 0,
  午後: 12,
  오전: 0,
  오후: 12,
};
const TIME = /(?<![\d:.])(\d{1,2})[:.h](\d{2})(?::(\d{2}))?(?!\d|[.:]\d)/;
const HALF = /(?:^|[\s\d\u202f\u00a0])(am|pm|[ap]\.\s?m\.)(?![\p{L}])|(上午|下午|午前|午後|오전|오후)/iu;
const OFFSET = /(?:gmt|utc)?\s?([+-])(\d{1,2}):?(\d{2})?(?!\d)/i;

let months: ReadonlyMap<string, number> | undefined;

/**
 * Takes the text of a date line, and the minutes that the zone of whoever forwarded it is ahead of UTC, which counts where the line names none.
 * Gives whole seconds since 1970, or undefined where it is no date. A date of figures alone is day before month, save with AM or PM behind it.
 */
export function forwardedDate(raw: string, zoneMinutes: number): number | undefined {
  const text = raw.slice(0, MAX_LENGTH).normalize('NFC').trim();
  const exact = /[+-]\d{4}\b|^\d{4}-\d\d-\d\dT/.test(text) ? dateSeconds(text) : undefined;
  if (exact !== undefined) return exact;
  const time = TIME.exec(text);
  if (!time) return undefined;
  const [before, after] = [text.slice(0, time.index), text.slice(time.index + time[0].length)];
  const half = halfOf(text);
  const day = dayOf(before, half !== undefined) ?? dayOf(after, half !== undefined);
  const hour = half === undefined ? Number(time[1]) : (Number(time[1]) % 12) + half;
  if (!day || hour > 23 || Number(time[2]) > 59) return undefined;
  const local = Date.UTC(day.year, day.month, day.day, hour, Number(time[2]), Number(time[3] ?? 0)) / 1_000;
  return local - (zoneOf(after) ?? zoneMinutes) * 60;
}

interface Day {
  year: number;
  month: number;
  day: number;
}

function dayOf(text: string, isAmerican: boolean): Day | undefined {
  const written = /(\d{4})\s?[年년.\-/]\s?(\d{1,2})\s?[月월.\-/]\s?(\d{1,2})/.exec(text);
  if (written) return sound({ year: Number(written[1]), month: Number(written[2]) - 1, day: Number(written[3]) });
  const figures = /(?<!\d)(\d{1,2})\s?[./-]\s?(\d{1,2})\s?[./-]\s?(\d{4}|\d{2})(?!\d)/.exec(text);
  if (figures) return sound(ofFigures(Number(figures[1]), Number(figures[2]), figures[3]!, isAmerican));
  const year = /(?<!\d)(\d{4})(?!\d)/.exec(text);
  const day = /(?<!\d)(\d{1,2})(?!\d)/.exec(text);
  const month = monthIn(text);
  return year && day && month !== undefined ? sound({ year: Number(year[1]), month, day: Number(day[1]) }) : undefined;
}

function ofFigures(first: number, second: number, year: string, isAmerican: boolean): Day {
  const [day, month] = (isAmerican && first <= 12) || second > 12 ? [second, first] : [first, second];
  return { year: year.length === 2 ? 2_000 + Number(year) : Number(year), month: month - 1, day };
}

const sound = (day: Day): Day | undefined =>
  day.year >= 1970 && day.year < 2100 && day.month >= 0 && day.month < 12 && day.day >= 1 && day.day <= 31 ? day : undefined;

/** The words of a month in all these languages; where one word is two months, neither. */
function monthIn(text: string): number | undefined {
  months ??= allMonths();
  for (const word of text.toLowerCase().match(/[\p{L}\p{M}]{2,20}/gu) ?? []) {
    const month = months.get(word);
    if (month !== undefined && month >= 0) return month;
  }
  return undefined;
}

function allMonths(): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const weekdays = new Set<string>();
  for (const language of LANGUAGES) {
    for (const style of ['long', 'short'] as const) {
      // With a day beside it a month is in the case in which dates are written.
      const months = new Intl.DateTimeFormat(language, { month: style, day: 'numeric', timeZone: 'UTC' });
      const alone = new Intl.DateTimeFormat(language, { month: style, timeZone: 'UTC' });
      const days = new Intl.DateTimeFormat(language, { weekday: style, timeZone: 'UTC' });
      for (let month = 0; month < 12; month++) {
        const at = Date.UTC(2026, month, 15);
        for (const word of [partOf(months, at, 'month'), partOf(alone, at, 'month')]) if (word.length > 1) note(found, word, month);
        weekdays.add(partOf(days, at, 'weekday'));
      }
      for (let day = 1; day <= 7; day++) weekdays.add(partOf(days, Date.UTC(2026, 0, day), 'weekday'));
    }
  }
  for (const word of weekdays) found.delete(word);
  return found;
}

function note(found: Map<string, number>, word: string, month: number): void {
  const known = found.get(word);
  found.set(word, known === undefined || known === month ? month : -1);
}

function partOf(format: Intl.DateTimeFormat, at: number, type: 'month' | 'weekday'): string {
  const word = format.formatToParts(at).find((part) => part.type === type)?.value ?? '';
  return word.toLowerCase().normalize('NFC').replace(/[.\s]/g, '');
}

function halfOf(text: string): number | undefined {
  const found = HALF.exec(text);
  const word = (found?.[1] ?? found?.[2] ?? '').toLowerCase();
  return HALVES[word] ?? HALVES[word.replace(/\s/g, '')];
}

function zoneOf(after: string): number | undefined {
  const offset = OFFSET.exec(after);
  if (offset && Number(offset[2]) <= 14) return (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3] ?? 0));
  for (const word of after.toLowerCase().match(/[a-z]{1,5}/g) ?? []) if (word in ZONES && word !== 'z') return ZONES[word];
  return undefined;
}
