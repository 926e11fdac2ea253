// `rejoinder skip-lost`: lets a service that has stopped, because events it had not read have left the log, go on with what is still there.
import { groupsOf } from '@rejoinder/bus/bus-server';
import type { Environment } from '@rejoinder/runtime/config';
import type { ServiceName } from '@rejoinder/runtime/services';
import { withHouse } from './operator-house.js';

/** A topic of events has one writer, whose name is in it; these say commands. */
const commanders = ['connections', 'threading', 'sending'];

/** Prints where it goes on, and whose events it has missed. */
export async function skipLost(
  env: Environment,
  service: ServiceName,
  { data }: { data?: string },
  print: (text: string) => void,
): Promise<void> {
  const places = await withHouse(env, data, async ({ eventLog }) => {
    const { fresh, history } = groupsOf(service);
    return [...(await eventLog.skipLost(fresh)), ...(await eventLog.skipLost(history))];
  });
  if (places.length === 0) return print(`${service} has lost no place in the log: nothing is changed.`);
  const writers = new Set(places.flatMap(({ topic }) => (topic.includes('.commands.') ? commanders : topic.split('.')[1]!)));
  print(
    [
      `${service} goes on with the oldest event that is still there of`,
      ...places.map(({ topic, partition }) => `  ${topic}/${partition}`),
      'What it has missed comes again from its writers, since a time before it stopped:',
      ...[...writers].map((writer) => `  rejoinder republish ${writer} --since ...`),
      `Then restart ${service}.`,
    ].join('\n'),
  );
}
