// `rejoinder republish`: puts what a service has said since a time on the wire again, for consumers that missed it.
import { republish } from '@rejoinder/bus/republish';
import type { Environment } from '@rejoinder/runtime/config';
import type { ServiceName } from '@rejoinder/runtime/services';
import { withHouse, withRows } from './operator-house.js';

export async function republishSince(
  env: Environment,
  service: ServiceName,
  { since, data }: { since: Date; data?: string },
  print: (text: string) => void,
): Promise<void> {
  const { count, oldest } = await withHouse(env, data, (house) => withRows(house, service, (rows) => republish(rows, since)));
  const reach = oldest && oldest > since ? ` The outbox begins at ${oldest.toISOString()}: what was said before is no longer there.` : '';
  print(
    count === 0
      ? `${service} has said nothing since ${since.toISOString()} that is not on its way already.${reach}`
      : `Events of ${service} that go on the wire again, while it runs: ${count}.${reach}`,
  );
}
