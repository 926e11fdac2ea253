// Which keys of the keyring are made by day, and with which class of data they end.
import { purposes, type KeyHolder, type Purpose } from '@rejoinder/vault/purposes';
import type { KeptDays } from './partitions.js';

/** Day keys that end with the data they seal: their purpose, and the class whose limit bounds them. */
export interface DayKeys {
  purposes: Record<string, keyof KeptDays>;
  /** Destroys the keys of days before this one, such as 2026-11-24. */
  dropBefore(purpose: string, day: string): Promise<unknown>;
}

/** Purposes of the keyring whose keys are made by day, with the class of what they seal; letters are those of the service itself. */
const dayPurposes: Record<string, keyof KeptDays> = { raw: 'R1', sent: 'R1', headers: 'R2', letters: 'wire' };

/** The day keys that a service holds, as its keeper takes them. */
export function dayKeysOf(service: KeyHolder, vault: { dropBefore(purpose: Purpose, day: string): Promise<unknown> }): DayKeys {
  const held = (Object.keys(purposes) as Purpose[]).filter(
    (purpose) => purposes[purpose].daily && purposes[purpose].holders.includes(service),
  );
  return {
    purposes: Object.fromEntries(held.map((purpose) => [purpose, classOf(purpose)])),
    dropBefore: (purpose, day) => vault.dropBefore(purpose as Purpose, day),
  };
}

/** The class of what the day keys of a purpose seal. */
export function classOf(purpose: Purpose): keyof KeptDays {
  const retentionClass = dayPurposes[purpose.split(':')[0]!];
  if (!retentionClass) throw new Error(`day keys of ${purpose} are in no class of retention`);
  return retentionClass;
}
