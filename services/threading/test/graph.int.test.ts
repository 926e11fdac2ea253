// The graph kept step by step in PostgreSQL against a judgement of everything at once, over graphs made at random.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { MailTrackedSchema } from '@rejoinder/contracts/events/threading';
import { fromBinary } from '@bufbuild/protobuf';
import { judge } from '../src/verdict/judge.js';
import { fromOutside, type GraphMail } from '../src/graph/graph.js';
import { thread } from '../src/graph/threads.js';
import { saveOwnAddresses } from '../src/inbox-store.js';
import { putInternal } from '../src/people/internal-store.js';
import type { Facts, Sighting } from '../src/graph/sighting.js';
import { answerAsked } from './answering.js';
import { factsOf, hash, uuid } from './graph-facts.js';
import { madeGraphs, mail, wishes, type Wished } from './graphs.js';
import { newTenant, openStore, type TestStore } from './store.js';

let store: TestStore;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store[Symbol.asyncDispose]());

const inboxId = uuid('inbox');

interface Outcome {
  tracked: string[];
  asking: string[];
  threads: string[];
}

/** Whose addresses are own in the end, and what the settings say then of mail among them. */
interface Ours {
  owns: string[];
  logsInternal: boolean;
}

/** Everything at once, every text that is asked for answered, until nothing more is asked. */
function atOnce(facts: Facts[], quotes: Map<string, boolean>, { owns, logsInternal }: Ours, wished: Wished[] = []): Outcome {
  const own = { addresses: new Set(owns.map(hash)), logsInternal, internalUntil: null };
  const stand = wished.filter(({ isTakenBack }) => !isTakenBack);
  const splits = new Set(stand.flatMap(({ at, kind }) => (kind === 'split' ? facts[at]!.ids : [])));
  const all: GraphMail[] = facts.map((one, at) => ({
    ...mail({ name: one.mailId, cites: one.chain, subject: one.subject, root: one.root, isReport: one.kind === 'delivery_report' }),
    ids: one.ids,
    people: [one.from, ...one.recipients],
    isSplit: stand.some((wish) => wish.at === at && wish.kind === 'split'),
    mergedInto: facts[stand.find((wish) => wish.at === at && wish.kind === 'merge')?.into ?? -1]?.mailId ?? null,
    isUnlogged: stand.some((wish) => wish.at === at && wish.kind === 'unlog'),
  }));
  const mails = all.map((one) => fromOutside(one, own));
  for (;;) {
    const judged = judge(mails, { bearers: [], ghosts: new Set(), splits });
    const asked = mails.filter((one) => judged.get(one.mailId)!.verdict === 'asking' && one.carriesQuote === null);
    for (const one of asked) one.carriesQuote = quotes.get(one.mailId) ?? false;
    if (asked.length > 0) continue;
    let made = 0;
    const linked = mails.map((one) => ({ ...one, joined: judged.get(one.mailId)!.joined }));
    const { threadOf } = thread(linked, new Map(), new Set(), () => `t${++made}`);
    return outcome(mails.map(({ mailId }) => ({ mailId, verdict: judged.get(mailId)!.verdict, threadId: threadOf.get(mailId)! })));
  }
}

function outcome(rows: { mailId: string; verdict: string; threadId: string }[]): Outcome {
  const named = (verdict: string) =>
    rows
      .filter((row) => row.verdict === verdict)
      .map((row) => row.mailId)
      .sort();
  const groups = [...Map.groupBy(rows, (row) => row.threadId).values()];
  return {
    tracked: named('tracked'),
    asking: named('asking'),
    threads: groups
      .map((group) =>
        group
          .map((row) => row.mailId)
          .sort()
          .join(' '),
      )
      .sort(),
  };
}

async function stored(tenantId: string): Promise<Outcome> {
  const rows = await store.query<{ mailId: string; verdict: string; threadId: string }>(
    'select mail_id as "mailId", verdict, thread_id as "threadId" from threading.node where tenant_id = $1',
    [tenantId],
  );
  return outcome(rows);
}

/** Made without the judge: mails that a chain leads from to a root, over ids that one mail bears, or a root among others. Nothing else may be read. */
function reachableHonestly(facts: Facts[]): Set<string> {
  const reached = new Set(facts.filter(({ root }) => root !== null));
  const bearersOf = (id: string) => facts.filter(({ ids }) => ids.includes(id));
  const leads = (id: string) => {
    const bearers = bearersOf(id);
    return bearers.some((bearer) => reached.has(bearer) && (bearers.length === 1 || bearer.root !== null));
  };
  for (let before = -1; before < reached.size;) {
    before = reached.size;
    for (const one of facts) if (one.chain.some(leads)) reached.add(one);
  }
  return new Set([...reached].map(({ mailId }) => mailId));
}

/** The wishes drawn, for the mails that there are: that one was not meant to be logged is said of those that were. */
function wishesFor(facts: Facts[], drawn: Wished[]): Wished[] {
  const logged = facts.flatMap(({ root }, at) => (root === 'logged' ? [at] : []));
  const fitted = drawn.map(({ at, into, ...wish }) =>
    wish.kind === 'unlog'
      ? { ...wish, at: logged[at % logged.length] ?? -1, into: null }
      : { ...wish, at: at % facts.length, into: wish.kind === 'merge' ? into! % facts.length : null },
  );
  const sound = fitted.filter(({ at, into }) => at !== -1 && into !== at);
  return [...new Map(sound.map((wish) => [`${wish.at} ${wish.kind === 'unlog'}`, wish])).values()];
}

/** People who say of mails what they wish, once they are known. */
class People {
  readonly #said = new Map<Wished, string>();

  constructor(
    private readonly all: Facts[],
    private readonly wished: Wished[],
  ) {}

  /** What stands of mails that were known once and will come again. */
  async sayBefore(): Promise<void> {
    for (const wish of this.wished.filter(({ isBefore }) => isBefore)) {
      const { tenantId, mailId, ids } = this.all[wish.at]!;
      const pinId = newId();
      const into = wish.into === null ? null : this.all[wish.into]!.mailId;
      await store.query(`insert into threading.pin values ($1, $2, $3, $4, $5, $6::text[]::bytea[], $7, 'tester', now())`, [
        tenantId,
        mailId,
        wish.kind,
        into,
        pinId,
        ids,
        newId(),
      ]);
      this.#said.set(wish, pinId);
    }
  }

  /** What was to be said by now, of mails that are known. */
  async say(batch: number): Promise<void> {
    for (const wish of this.wished.filter(({ order }) => order <= batch)) {
      const { tenantId, mailId } = this.all[wish.at]!;
      const intoMailId = wish.into === null ? mailId : this.all[wish.into]!.mailId;
      const sql = 'select 1 from threading.node where tenant_id = $1 and mail_id in ($2, $3)';
      const known = await store.query(sql, [tenantId, mailId, intoMailId]);
      if (this.#said.has(wish) || known.length < new Set([mailId, intoMailId]).size) continue;
      const said = { tenantId, mailId, intoMailId, by: 'tester' };
      const { pin } = await store.pins[wish.kind](said as never);
      this.#said.set(wish, pin!.pinId!);
    }
  }

  async takeBack(): Promise<void> {
    for (const [wish, pinId] of this.#said) {
      const { tenantId } = this.all[wish.at]!;
      if (wish.isTakenBack) await store.pins.unpin({ tenantId, pinId } as never);
    }
  }
}

async function inBatches(facts: Facts[], sizes: () => number, after: (batch: number) => Promise<void>): Promise<void> {
  for (let at = 0, batch = 0; at < facts.length; batch++) {
    const size = 1 + sizes();
    await store.take(facts.slice(at, at + size).map((one): Sighting => ({ facts: one, isOurs: one.root === 'sent' })));
    await after(batch);
    at += size;
  }
}

describe('what is tracked and what is one thread do not hang on the order of arrival', () => {
  test('over graphs with roots, cuts, forged and unseen ids, circles and copies', { timeout: 240_000 }, async () => {
    const property = fc.asyncProperty(
      madeGraphs,
      fc.infiniteStream(fc.nat(4)),
      fc.infiniteStream(fc.nat()),
      async (graph, sizes, order) => {
        const tenantId = await newTenant(store, inboxId, hash('own'));
        const all = graph.map((made, at) => factsOf(tenantId, `m${at}`, made));
        const quotes = new Map(graph.map((made, at) => [all[at]!.mailId, made.quotes]));
        const copies = all.filter((_, at) => at % 3 === 0).map((one) => ({ ...one, inboxIds: [uuid('other inbox')] }));
        const shuffled = [...all, ...copies].map((one) => ({ one, at: order.next().value! })).sort((a, b) => a.at - b.at);
        const answered = new Set<string>();
        const facts = shuffled.map(({ one }) => one);
        await inBatches(
          facts,
          () => sizes.next().value!,
          () => answerAsked(store, tenantId, quotes, answered),
        );
        const seen = await stored(tenantId);
        expect(seen).toEqual(atOnce(all, quotes, { owns: ['own'], logsInternal: false }));
        expect(await lastSaid(tenantId)).toEqual(seen.tracked);
        const reachable = reachableHonestly(all);
        expect(seen.tracked.filter((mailId) => !reachable.has(mailId))).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: Number(process.env.GRAPH_RUNS ?? 60) });
  });

  test('nor on when people say what they say of single mails, or take it back', { timeout: 240_000 }, async () => {
    const property = fc.asyncProperty(
      madeGraphs,
      wishes,
      fc.infiniteStream(fc.nat(4)),
      fc.infiniteStream(fc.nat()),
      async (graph, drawn, sizes, order) => {
        const tenantId = await newTenant(store, inboxId, hash('own'));
        const all = graph.map((made, at) => factsOf(tenantId, `m${at}`, made));
        const wished = wishesFor(all, drawn);
        const quotes = new Map(graph.map((made, at) => [all[at]!.mailId, made.quotes]));
        const shuffled = all.map((one) => ({ one, at: order.next().value! })).sort((a, b) => a.at - b.at);
        const people = new People(all, wished);
        await people.sayBefore();
        const answered = new Set<string>();
        await inBatches(
          shuffled.map(({ one }) => one),
          () => sizes.next().value!,
          async (batch) => {
            await people.say(batch);
            await answerAsked(store, tenantId, quotes, answered);
          },
        );
        await people.say(Infinity);
        await people.takeBack();
        await answerAsked(store, tenantId, quotes, answered);
        const seen = await stored(tenantId);
        expect(seen).toEqual(atOnce(all, quotes, { owns: ['own'], logsInternal: false }, wished));
        expect(await lastSaid(tenantId)).toEqual(seen.tracked);
      },
    );
    await fc.assert(property, { numRuns: Number(process.env.GRAPH_RUNS ?? 60) });
  });

  test(
    'nor on when an address becomes our own, and when the settings say what of mail among own people',
    { timeout: 240_000 },
    async () => {
      const property = fc.asyncProperty(
        madeGraphs,
        fc.uniqueArray(fc.record({ revision: fc.nat(9), isLogged: fc.boolean(), order: fc.nat(6) }), {
          maxLength: 3,
          selector: ({ revision }) => revision,
        }),
        fc.option(fc.nat(6)),
        fc.infiniteStream(fc.nat(4)),
        fc.infiniteStream(fc.nat()),
        async (graph, rules, connectedAt, sizes, order) => {
          const tenantId = await newTenant(store, inboxId, hash('own'));
          const all = graph.map((made, at) => factsOf(tenantId, `m${at}`, made));
          const quotes = new Map(graph.map((made, at) => [all[at]!.mailId, made.quotes]));
          const shuffled = all.map((one) => ({ one, at: order.next().value! })).sort((a, b) => a.at - b.at);
          const told = new Set<unknown>();
          const answered = new Set<string>();
          const say = async (batch: number) => {
            for (const rule of rules.filter((one) => one.order <= batch && !told.has(one))) {
              told.add(rule);
              const { revision, isLogged } = rule;
              await store.change(tenantId, (tx, now) => putInternal(tx, { tenantId, revision: revision + 1, isLogged, until: null }, now));
            }
            if (connectedAt === null || connectedAt > batch || told.has('inbox')) return;
            told.add('inbox');
            const row = { tenantId, inboxId: uuid('other inbox'), hash: Buffer.from(hash('person 0').slice(2), 'hex') };
            await store.change(tenantId, (tx, now) => saveOwnAddresses(tx, [row], now));
          };
          await inBatches(
            shuffled.map(({ one }) => one),
            () => sizes.next().value!,
            async (batch) => {
              await say(batch);
              await answerAsked(store, tenantId, quotes, answered);
            },
          );
          await say(Infinity);
          await answerAsked(store, tenantId, quotes, answered);
          const seen = await stored(tenantId);
          const last = rules.toSorted((one, other) => one.revision - other.revision).at(-1);
          const owns = connectedAt === null ? ['own'] : ['own', 'person 0'];
          expect(seen).toEqual(atOnce(all, quotes, { owns, logsInternal: last?.isLogged ?? false }));
          expect(await lastSaid(tenantId)).toEqual(seen.tracked);
        },
      );
      await fc.assert(property, { numRuns: Number(process.env.GRAPH_RUNS ?? 60) });
    },
  );
});

test('a batch of 500 mails costs a handful of statements', async () => {
  const tenantId = await newTenant(store, inboxId, hash('own'));
  const batch = (start: number) =>
    Array.from({ length: 500 }, (_, at): Sighting => {
      const number = start + at;
      const cites = number % 5 === 0 ? [] : [number - 1];
      const made = {
        id: number,
        cites,
        people: [1, 2],
        isSecondSubject: false,
        root: number % 50 === 0 ? ('logged' as const) : null,
        isReport: false,
      };
      return { facts: factsOf(tenantId, `m${number}`, made), isOurs: false };
    });
  await store.take(batch(100_000));
  const times: number[] = [];
  let statements = 0;
  for (const start of [0, 500, 1_000, 1_500, 2_000]) {
    const sightings = batch(start);
    const began = performance.now();
    statements = await store.statements(() => store.take(sightings));
    times.push(Math.round(performance.now() - began));
  }
  if (process.env.SHOW_FIGURES) process.stdout.write(`500 mails: ${statements} statements, ${times.join(', ')} ms\n`);
  expect(statements).toBeLessThanOrEqual(22);
});

async function lastSaid(tenantId: string): Promise<string[]> {
  const sql = `select distinct on (key) key, type, value from threading.outbox where tenant_id = $1 and type in ('MailTracked', 'MailUntracked') order by key, sequence desc`;
  const rows = await store.query<{ key: string; type: string; value: Buffer }>(sql, [tenantId]);
  const tracked = rows.filter((row) => row.type === 'MailTracked').map((row) => fromBinary(MailTrackedSchema, row.value).mailId);
  return tracked.sort();
}
