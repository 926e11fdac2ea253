// The same mails through threading's own store: PostgreSQL holds the threads and verdicts that the rules give, and what it says is enough to know them.
import { fromBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { MailTrackedSchema, MailUntrackedSchema, ThreadMergedSchema, ThreadSplitSchema } from '@rejoinder/contracts/events/threading';
import { bytesText } from '@rejoinder/runtime/rows';
import { corporaExist } from '../libs/mail/test/corpus.js';
import { answerAsked } from '../services/threading/test/answering.js';
import { newTenant, openStore, type TestStore } from '../services/threading/test/store.js';
import { boxesOf, partition, type Box } from './thread-corpora.js';
import { allAtOnce, HeaderReader, inboxId, outcomeOf, ownAddress, type Outcome } from './thread-graph.js';
import { withInjected } from './thread-injection.js';

const batch = 10;

let store: TestStore;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store[Symbol.asyncDispose]());

describe.runIf(corporaExist)('in PostgreSQL', () => {
  test.each(['mail-threading', 'imaptest-thread'] as const)(
    '%s: threads and verdicts are those of the rules',
    { timeout: 240_000 },
    async (corpus) => {
      for (const box of boxesOf(corpus)) expect((await stored(box)).outcome, box.name).toEqual(await allAtOnce(box));
    },
  );

  test(
    'a list with mails re-addressed, forwarded and answered, and whoever follows the events has its threads',
    { timeout: 240_000 },
    async () => {
      const { box } = await withInjected(boxesOf('thread-skeletons').find(({ name }) => name === 'asterix')!);
      const { outcome, reader } = await stored(box);
      expect(outcome).toEqual(await allAtOnce(box));
      const { threads, revisions } = await followed(reader);
      const tracked = new Set(outcome.tracked);
      expect(threads).toEqual(partition(outcome.threads.map((thread) => thread.split(' ').filter((name) => tracked.has(name)))));
      expect(revisions.length).toBeGreaterThan(0);
      expect(revisions).toEqual(revisions.map((_, at) => at + 1));
    },
  );
});

/** The box as the store has it once its mails have come in an order that has nothing to do with theirs. */
async function stored(box: Box): Promise<{ outcome: Outcome; reader: HeaderReader }> {
  const reader = new HeaderReader(newId());
  const own = bytesText(reader.hash('address', ownAddress));
  await newTenant(store, inboxId, own, reader.tenantId);
  const orderOf = (name: string) => reader.hash('subject', name).toString('hex');
  const mails = box.mails.toSorted((one, other) => (orderOf(one.name) < orderOf(other.name) ? -1 : 1));
  const answered = new Set<string>();
  for (let at = 0; at < mails.length; at += batch) {
    const part = mails.slice(at, at + batch);
    await store.take(await reader.read(part));
    const quotes = new Map(mails.flatMap(({ name, quotes }) => (reader.mailIds.has(name) ? [[reader.mailIds.get(name)!, quotes]] : [])));
    await answerAsked(store, reader.tenantId, quotes, answered);
  }
  const sql = 'select mail_id as "mailId", verdict, thread_id as "threadId" from threading.node where tenant_id = $1';
  const rows = await store.query<{ mailId: string; verdict: string; threadId: string }>(sql, [reader.tenantId]);
  return { outcome: outcomeOf(reader.mailIds, rows), reader };
}

/** Threads of tracked mails as one knows them who keeps each mail's last word, and what went into what; with the revisions of threads as they were said. */
async function followed({ tenantId, mailIds }: HeaderReader): Promise<{ threads: string[]; revisions: number[] }> {
  const sql = 'select type, value from threading.outbox where tenant_id = $1 order by seq';
  const rows = await store.query<{ type: string; value: Buffer }>(sql, [tenantId]);
  const [threadOf, into, revisions] = [new Map<string, string>(), new Map<string, string>(), [] as number[]];
  for (const { type, value } of rows) {
    if (type === 'MailUntracked') threadOf.delete(fromBinary(MailUntrackedSchema, value).mailId);
    if (type === 'MailTracked') {
      const { mailId, threadId } = fromBinary(MailTrackedSchema, value);
      threadOf.set(mailId, threadId);
    }
    if (type === 'ThreadMerged') {
      const { threadId, mergedThreadId, revision } = fromBinary(ThreadMergedSchema, value);
      into.set(mergedThreadId, threadId);
      revisions.push(Number(revision));
    }
    if (type === 'ThreadSplit') revisions.push(Number(fromBinary(ThreadSplitSchema, value).revision));
  }
  const last = (threadId: string): string => (into.has(threadId) ? last(into.get(threadId)!) : threadId);
  const named = [...mailIds].flatMap(([name, mailId]) => (threadOf.has(mailId) ? [{ name, threadId: last(threadOf.get(mailId)!) }] : []));
  const groups = [...Map.groupBy(named, ({ threadId }) => threadId).values()];
  return { threads: partition(groups.map((group) => group.map(({ name }) => name))), revisions };
}
