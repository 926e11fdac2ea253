// `rejoinder settings`: every setting as it is declared, with its meaning and what it is if nobody sets it.
import type { Setting, Settings } from '@rejoinder/runtime/config';
import { houseSettings } from '@rejoinder/runtime/house-settings';
import { titleOf } from '@rejoinder/runtime/role';
import { loadRoles, roleNames } from './roles.js';

/** A setting as programs read it, such as those that check a chart. */
export interface ListedSetting {
  name: string;
  /** Whose it is; null if every role has it. */
  role: string | null;
  meaning: string;
  /** What it is if nobody sets it; null if it must be set, or if it is a secret. */
  default: string | null;
  required: boolean;
  secret: boolean;
}

/** Those that all roles share, then each role's own; one that several declare is there for each of them. */
export async function listSettings(): Promise<ListedSetting[]> {
  const roles = await loadRoles(roleNames);
  return [...listed(null, houseSettings), ...roles.flatMap((role) => listed(titleOf(role), role.settings))];
}

/** A block for the settings that all roles share, and one for each role with its own. */
export function settingsTable(settings: ListedSetting[]): string {
  const blocks = Map.groupBy(settings, ({ role }) => role);
  return [...blocks].map(([role, own]) => [`${role ?? 'every role'}:`, ...own.map(line)].join('\n')).join('\n\n');
}

function listed(role: string | null, settings: Settings): ListedSetting[] {
  return Object.values(settings).map((setting: Setting<unknown>) => {
    const { success, data } = setting.schema.safeParse(undefined);
    const secret = setting.secret ?? false;
    return {
      name: setting.env,
      role,
      meaning: setting.meaning,
      default: success && !secret ? String(data ?? '') : null,
      required: !success,
      secret,
    };
  });
}

function line({ name, meaning, required, default: fallback }: ListedSetting): string {
  return `  ${name.padEnd(38)} ${meaning} (${required ? 'must be set' : fallback || 'empty'})`;
}
