// The time of day, as a thing that can be handed in: retention runs on it, and tests move it.

export interface Clock {
  now(): Date;
}

/** The machine's clock, moved by skewMs; services take the skew from a setting that only tests use. */
export function systemClock(skewMs = 0): Clock {
  return { now: () => new Date(Date.now() + skewMs) };
}

/** The day of an instant in UTC, as 2026-11-24. */
export function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}

/** Midnight UTC, so many days after the day of an instant; negative for before. */
export function startOfDay(instant: Date, plusDays = 0): Date {
  return new Date(Date.UTC(instant.getUTCFullYear(), instant.getUTCMonth(), instant.getUTCDate() + plusDays));
}
