// The names of all settings that there are, of whichever role, without loading any role.
import { houseSettings } from '@rejoinder/runtime/house-settings';

/** Of the command line itself: the option --port of `rejoinder all`. */
const ownNames = ['REJOINDER_PORT'];

export async function settingNames(): Promise<Set<string>> {
  const sync = await import('@rejoinder/sync/config');
  const others = await Promise.all([
    import('@rejoinder/gateway/config'),
    import('@rejoinder/connections/config'),
    import('@rejoinder/threading/config'),
    import('@rejoinder/attachment/config'),
    import('@rejoinder/sending/config'),
    import('@rejoinder/timeline/config'),
    import('@rejoinder/retention/config'),
  ]);
  const all = [houseSettings, sync.settings, sync.intakeSettings, ...others.map(({ settings }) => settings)];
  return new Set([...ownNames, ...all.flatMap((settings) => Object.values(settings).map(({ env }) => env))]);
}
