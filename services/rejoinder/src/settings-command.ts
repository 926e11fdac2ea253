// `rejoinder settings`: every setting as it is declared, with its meaning and what it is if nobody sets it.
import type { Setting, Settings } from '@rejoinder/runtime/config';
import { houseSettings } from '@rejoinder/runtime/house-settings';
import { titleOf } from '@rejoinder/runtime/role';
import { loadRoles, roleNames } from './roles.js';

/** A block for the settings that all roles share, and one for each role with its own. */
export async function listSettings(): Promise<string> {
  const roles = await loadRoles(roleNames);
  const blocks: [string, Settings][] = [
    ['every role', houseSettings],
    ...roles.map((role): [string, Settings] => [titleOf(role), role.settings]),
  ];
  return blocks
    .filter(([, settings]) => Object.keys(settings).length > 0)
    .map(([name, settings]) => [`${name}:`, ...Object.values(settings).map(line)].join('\n'))
    .join('\n\n');
}

function line(setting: Setting<unknown>): string {
  const { success, data } = setting.schema.safeParse(undefined);
  const fallback = setting.secret ? 'empty' : String(data ?? '') || 'empty';
  return `  ${setting.env.padEnd(38)} ${setting.meaning} (${success ? fallback : 'must be set'})`;
}
