// Logged mail of people on the never-log list is deleted for good where a person wants it: all of it, nothing else, a part at a time, once the list holds.
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { NeverLogChangedSchema } from '@rejoinder/contracts/events/connections';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { grpcDefinition } from '@rejoinder/contracts/grpc-definition';
import { Fault } from '@rejoinder/base/fault';
import { toServiceError } from '@rejoinder/runtime/grpc-faults';
import { settle } from '@rejoinder/testing/settle';
import { closeHouse, hash, here, observe, observed, openHouse, people, send, trackedMail, type Observed } from './threading-house.js';

/** What timeline was told to delete, in its parts. */
let parts: string[][] = [];
let isAway = false;
let server: Server;
let revision = 0n;
const inboxId = newId();
const threading = () => here.house.peers.client(ThreadingService);

beforeAll(async () => {
  await openHouse();
  server = new Server();
  server.addService(grpcDefinition(TimelineService), {
    DeleteMails: (call: ServerUnaryCall<{ mailIds: string[] }, object>, answer: sendUnaryData<object>) => {
      if (isAway) return answer(toServiceError(new Fault('busy', 'AWAY', 'away')) as never);
      parts.push(call.request.mailIds);
      return answer(null, {});
    },
  });
  const address = here.house.house.peerAddress('timeline');
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  );
});
beforeEach(() => {
  parts = [];
  isAway = false;
});
afterAll(async () => {
  await closeHouse();
  server?.forceShutdown();
});

const list = (entries: Uint8Array[]) =>
  here.house.publish(
    'rejoinder.connections.internal.v1',
    NeverLogChangedSchema,
    here.house.tenantId,
    { entries: entries.map((entryHash) => ({ entryHash, since: timestampFromDate(new Date()) })) },
    ++revision,
  );
const ask = (hashes: Uint8Array[], listRevision = revision) =>
  threading().deleteMailsOf({ tenantId: here.house.tenantId, people: [{ hashes }], listRevision });
const deletion = async () => (await threading().getDeletion({ tenantId: here.house.tenantId })).deletion!;
const done = () => settle('the deletion', async () => ((now) => now.state === 'done' && now)(await deletion()), { timeoutMs: 30_000 });

/** Answers that were read and stand on timelines. */
async function captured(mails: (Observed & { mailId: string })[]): Promise<string[]> {
  await observe(inboxId, mails);
  for (const { mailId } of mails) {
    const told = await trackedMail(mailId);
    await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId, revision: told!.revision });
  }
  const ids = mails.map(({ mailId }) => mailId);
  const sql = `select count(*)::int as n from threading.node where mail_id = any ($1::uuid[]) and capture = 'captured'`;
  await settle('all to be read', async () => (await here.house.query<{ n: number }>(sql, [ids]))[0]!.n === ids.length);
  return ids.toSorted();
}

it('never asked for, there is none', async () => {
  expect(await deletion()).toMatchObject({ state: 'none', mails: 0n, deleted: 0n });
});

it('all that was logged of a person and of a domain, in parts, and nothing of others nor what was sent', async () => {
  const [doctor, bank] = [hash(), hash()];
  const ours = await send(inboxId, { recipientHashes: [doctor, people.ann] });
  const answer = (more: Observed) => observed({ chainHashes: [ours.messageIdHash], ...more });
  const theirs = await captured([
    ...Array.from({ length: 60 }, () => answer({ fromHash: doctor })),
    answer({ recipientHashes: [people.own, doctor] }),
    answer({ domainHashes: [bank] }),
  ]);
  await captured([answer({ fromHash: people.bob })]);
  // The list is not known yet: nothing is deleted before it holds.
  const before = await ask([doctor, bank], revision + 1n);
  expect(before.deletion).toMatchObject({ state: 'running', mails: 62n, deleted: 0n });
  const waits = `select 1 from threading.never_log_deletion where last_reason = 'list_not_known'`;
  await settle('it to wait', async () => (await here.house.query(waits)).length > 0);
  expect(parts).toEqual([]);
  isAway = true;
  await list([doctor, bank]);
  const failed = `select 1 from threading.never_log_deletion where last_reason = 'failed'`;
  await settle('timeline to be missed', async () => (await here.house.query(failed)).length > 0);
  isAway = false;
  expect(await done()).toMatchObject({ mails: 62n, deleted: 62n });
  expect(parts.map(({ length }) => length)).toEqual([50, 12]);
  expect(parts.flat().toSorted()).toEqual(theirs);
  // Timeline has everyone forget them: there is nothing more to delete.
  await here.house.peers.storeOf('threading').forget({ tenantId: here.house.tenantId, mailIds: theirs });
  expect((await ask([doctor, bank])).deletion).toMatchObject({ mails: 0n });
  await done();
});

it('one that is asked for before another is done takes that with it', async () => {
  const [first, second] = [hash(), hash()];
  const ours = await send(inboxId);
  const mails = await captured([first, second].map((fromHash) => observed({ fromHash, chainHashes: [ours.messageIdHash] })));
  await list([first, second]);
  isAway = true;
  await ask([first]);
  expect((await ask([second])).deletion).toMatchObject({ mails: 2n });
  isAway = false;
  await done();
  expect(parts.flat().toSorted()).toEqual(mails);
});
