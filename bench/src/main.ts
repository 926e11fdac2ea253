// `npm run bench -- NAME [--json] [--replies N] [--mails N] [--inboxes N]`: a table for people, or with --json one JSON object alone on standard output (`npm run -s`, as npm itself
// prints a line there).
import { parseArgs } from 'node:util';
import { idle } from './idle.js';
import { latency } from './latency.js';
import { report, type BenchResult } from './report.js';
import { start } from './start.js';
import { sync } from './sync.js';
import { threading } from './threading.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    replies: { type: 'string', default: '500' },
    mails: { type: 'string' },
    inboxes: { type: 'string', default: '1000' },
  },
});
const say = (line: string) => process.stderr.write(`${line}\n`);

const benches: Record<string, () => Promise<BenchResult>> = {
  idle: () => idle(Number(values.inboxes), Number(values.replies), say),
  latency: () => latency(Number(values.replies), say),
  start: () => start(say),
  sync: () => sync(Number(values.mails ?? 100_000), say),
  threading: () => threading(Number(values.mails ?? 1_000_000), say),
};

const bench = benches[positionals[0] ?? ''];
if (!bench) {
  say(`Which bench? ${Object.keys(benches).join(', ')}: npm run bench -- latency`);
  process.exit(1);
}
process.stdout.write(`${report(await bench(), values.json)}\n`);
process.exit(0);
