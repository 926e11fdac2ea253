// Whom a role's pod reaches, tried from within it, and who reaches it.
import { expect } from 'vitest';
import { runIn } from './crm-pod.js';

/** By what it is called: host and port. */
export type Places = Record<string, [host: string, port: number]>;

/** A policy drops what it does not let through: who hears nothing for so long is shut out. */
const waitMs = 3_000;
const triesMs = 30_000;

const connectAll = `
import { connect } from 'node:net';
import { lookup } from 'node:dns/promises';
const [waitMs, places] = [Number(process.argv[2]), JSON.parse(process.argv[3])];
const reaches = ([host, port]) => new Promise((resolve) => {
  const socket = connect({ host, port, timeout: waitMs });
  const end = (does) => { socket.destroy(); resolve(does); };
  socket.once('connect', () => end(true)).once('timeout', () => end(false)).once('error', () => end(false));
});
const found = await Promise.all(Object.entries(places).map(async ([name, place]) => [name, await reaches(place)]));
console.log(JSON.stringify(Object.fromEntries(found)));`;

/** Which of these places a pod reaches, by name. */
export async function reached(namespace: string, pod: string, places: Places): Promise<string[]> {
  const said = await runIn(namespace, pod, connectAll, [String(waitMs), JSON.stringify(places)]);
  const found = JSON.parse(said) as Record<string, boolean>;
  return Object.keys(found).filter((name) => found[name]);
}

/** A pod reaches just those of all places that it must. A policy takes hold of a new pod a moment after it runs. */
export async function reachesOnly(namespace: string, pod: string, places: Places, must: string[]): Promise<void> {
  const until = Date.now() + triesMs;
  for (;;) {
    const found = await reached(namespace, pod, places);
    if (Date.now() > until || JSON.stringify(found.toSorted()) === JSON.stringify(must.toSorted()))
      return void expect([pod, found.toSorted()]).toEqual([pod, must.toSorted()]);
  }
}
