// Files in and out over gRPC, with real PostgreSQL and a folder as the store: whole or not at all, whatever breaks.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { AttachmentService } from '@rejoinder/contracts/api/attachment';
import { AttachmentRejectedSchema } from '@rejoinder/contracts/events/attachment';
import { SendAcceptedSchema } from '@rejoinder/contracts/events/sending';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { grpcClient } from '@rejoinder/runtime/grpc-client';
import { settle } from '@rejoinder/testing/settle';
import * as fixtures from './attachment-house.js';

const { newPart, requestsOf, streamed, sha256Hex, declaredOf } = fixtures;
const limitBytes = 3_000_000;
const hourMs = 3_600_000;
const bytes = randomBytes(400_000);

let here: fixtures.AttachmentHouse;
const house = () => here.house;
const { upload, download, client, stateOf, storedEvents, capture, filesOf } = fixtures.asking(() => here, bytes);

beforeAll(async () => {
  here = await fixtures.startAttachmentHouse({ REJOINDER_PART_LIMIT_BYTES: String(limitBytes) });
});
afterAll(() => here?.stop());

describe('an attachment of a captured mail', () => {
  it('is pending once the mail is captured, stored once uploaded, and comes back as it was', async () => {
    const part = newPart(newId());
    await capture([part]);
    await settle('the record', () => stateOf(part));
    await expect(download(part)).rejects.toMatchObject({ kind: 'gone', code: 'PENDING' });
    expect(await upload(part)).toMatchObject({ attachmentId: part.attachmentId, state: AttachmentState.STORED });
    const { attachment, bytes: back } = await download(part);
    expect(sha256Hex(back)).toBe(sha256Hex(bytes));
    expect(attachment).toMatchObject({
      fileName: 'offer.pdf',
      contentType: 'application/pdf',
      mailId: part.mailId,
      sizeBytes: 400_000n,
      sha256Hex: sha256Hex(bytes),
    });
    const [event] = await settle('the event', async () =>
      (await storedEvents(part.attachmentId)).length > 0 ? storedEvents(part.attachmentId) : undefined,
    );
    expect(event).toMatchObject({ mailId: part.mailId, sizeBytes: 400_000n, sha256Hex: sha256Hex(bytes) });
  });

  it('is rejected where it is given up while it is pending, and only then', async () => {
    const giveUp = (part: fixtures.Part) => {
      const declared = { ...declaredOf(part), state: AttachmentState.REJECTED, reason: 'gone' };
      const start = { step: { case: 'start' as const, value: { tenantId: part.tenantId, mailId: part.mailId, declared } } };
      return client().upload(streamed([start]), { deadlineMs: 60_000 });
    };
    const [waited, came, unheard] = [newPart(newId()), newPart(newId()), newPart(newId())];
    for (const part of [waited, came]) await capture([part]);
    await upload(came);
    await settle('the record', () => stateOf(waited));
    for (let times = 0; times < 2; times++) expect(await giveUp(waited)).toMatchObject({ state: AttachmentState.REJECTED, reason: 'gone' });
    expect(await giveUp(came)).toMatchObject({ state: AttachmentState.STORED });
    expect(await giveUp(unheard)).toMatchObject({ state: AttachmentState.REJECTED, reason: 'gone' });
    const rejected = async () =>
      (await house().published('rejoinder.attachment.v1', AttachmentRejectedSchema)).filter(({ mailId }) => mailId === waited.mailId);
    expect(await settle('the event', async () => (await rejected()).length > 0 && rejected())).toMatchObject([
      { attachmentId: waited.attachmentId, reason: 'gone' },
    ]);
    await expect(download(waited)).rejects.toMatchObject({ code: 'REJECTED', message: catalogue.GONE.sentence });
    expect((await download(came)).bytes.equals(bytes)).toBe(true);
  });

  it('may come before the event that declares it, and a late event changes nothing', async () => {
    const part = newPart(newId());
    await upload(part);
    await capture([part]);
    const other = newPart(part.tenantId);
    await capture([other]);
    await settle('the later event to be handled', () => stateOf(other));
    expect(await stateOf(part)).toBe('stored');
  });

  it('is rejected if it was declared so, and an upload of it is answered at once', async () => {
    const part = newPart(newId());
    const attachments = [{ ...declaredOf(part), state: AttachmentState.REJECTED, reason: 'mail_too_large' }];
    await house().publish('rejoinder.sync.v1', MailCapturedSchema, newId(), { mailId: part.mailId, attachments }, 1n, part.tenantId);
    await settle('the record', () => stateOf(part));
    expect(await upload(part)).toMatchObject({ state: AttachmentState.REJECTED, reason: 'mail_too_large' });
    expect(await here.files()).toEqual(expect.not.arrayContaining([expect.stringContaining(part.attachmentId)]));
    await expect(download(part)).rejects.toMatchObject({ kind: 'gone', code: 'REJECTED', message: catalogue.MAIL_TOO_LARGE.sentence });
  });

  it('that is stored already is answered before its bytes are sent', async () => {
    const part = newPart(newId());
    await upload(part);
    let sent = 0;
    const endless = async function* () {
      yield requestsOf(part, bytes)[0]!;
      for (; ; sent++) yield requestsOf(part, bytes)[1]!;
    };
    expect(await client().upload(endless(), { deadlineMs: 30_000 })).toMatchObject({ state: AttachmentState.STORED });
    expect(await storedEvents(part.attachmentId)).toHaveLength(1);
  });

  it('can be empty', async () => {
    const part = newPart(newId());
    expect(await upload(part, Buffer.alloc(0))).toMatchObject({ state: AttachmentState.STORED });
    expect((await download(part)).bytes).toHaveLength(0);
  });

  it('uploaded twice at once is one object, one event and no orphan', async () => {
    const part = newPart(newId());
    const answers = await Promise.all([upload(part), upload(part), upload(part)]);
    expect(answers.map(({ state }) => state)).toEqual([AttachmentState.STORED, AttachmentState.STORED, AttachmentState.STORED]);
    await here.settled();
    expect(await filesOf(part)).toHaveLength(1);
    await settle('the event', async () => (await storedEvents(part.attachmentId)).length === 1);
    expect(sha256Hex((await download(part)).bytes)).toBe(sha256Hex(bytes));
  });

  it('is not seen by another tenant', async () => {
    const part = newPart(newId());
    await upload(part);
    await expect(fixtures.download(house(), newId(), part.attachmentId)).rejects.toMatchObject({ kind: 'not_found' });
  });
});

describe('a stream that is no whole file', () => {
  const all = requestsOf(newPart(newId()), bytes);
  const cuts = [1, 2, 4, all.length - 2, all.length - 1];

  const nothingRemains = async (part: fixtures.Part) => {
    await here.settled();
    expect(await filesOf(part)).toEqual([]);
    expect(await stateOf(part)).toBe('pending');
    await expect(download(part)).rejects.toMatchObject({ code: 'PENDING' });
    expect(await upload(part)).toMatchObject({ state: AttachmentState.STORED });
  };

  it.each(cuts)('is refused when it ends after %i messages', async (cut) => {
    const part = newPart(newId());
    const requests = requestsOf(part, bytes).slice(0, cut);
    await expect(client().upload(streamed(requests), { deadlineMs: 30_000 })).rejects.toMatchObject({
      code: 'UPLOAD_TRUNCATED',
      kind: 'broken',
    });
    await nothingRemains(part);
  });

  it.each(cuts)('is nothing when the client cancels after %i messages', async (cut) => {
    const part = newPart(newId());
    const abort = new AbortController();
    const requests = async function* () {
      yield* requestsOf(part, bytes).slice(0, cut);
      await settle('the upload to have begun', () => stateOf(part));
      abort.abort();
    };
    await expect(client().upload(requests(), { deadlineMs: 30_000, signal: abort.signal })).rejects.toMatchObject({
      code: 'GRPC_CANCELLED',
    });
    await nothingRemains(part);
  });

  it.each(cuts)('is nothing when the client is killed after %i messages', async (cut) => {
    const part = newPart(newId());
    const wire = await fixtures.cuttableWire(house().house.peerAddress('attachment'));
    const far = grpcClient(AttachmentService, wire.address);
    const requests = async function* () {
      yield* requestsOf(part, bytes).slice(0, cut);
      await settle('the upload to have begun', () => stateOf(part));
      wire.cut();
    };
    await expect(far.upload(requests(), { deadlineMs: 30_000 })).rejects.toMatchObject({ kind: 'broken' });
    far.close();
    wire.close();
    await nothingRemains(part);
  });

  it.each(cuts)(
    'is nothing when its deadline passes after %i messages',
    async (cut) => {
      const part = newPart(newId());
      const requests = async function* () {
        yield* requestsOf(part, bytes).slice(0, cut);
        await settle('the upload to have begun', () => stateOf(part));
        await here.settled();
      };
      const answer = client().upload(requests(), { deadlineMs: 1_000 });
      await expect(answer).rejects.toMatchObject({ code: 'GRPC_DEADLINE_EXCEEDED' });
      await nothingRemains(part);
    },
    10_000,
  );

  it('is refused when its end tells another size or hash', async () => {
    const part = newPart(newId());
    const [start, ...rest] = requestsOf(part, bytes);
    for (const wrong of [
      { sizeBytes: 400_001n, sha256Hex: sha256Hex(bytes) },
      { sizeBytes: 400_000n, sha256Hex: sha256Hex(Buffer.from('other')) },
    ]) {
      const requests = [start!, ...rest.slice(0, -1), { step: { case: 'end' as const, value: wrong } }];
      await expect(client().upload(streamed(requests), { deadlineMs: 30_000 })).rejects.toMatchObject({ code: 'UPLOAD_DIFFERS' });
    }
    await nothingRemains(part);
  });

  it('is refused without a start, or with ids that are none', async () => {
    const [start, chunk] = requestsOf(newPart(newId()), bytes);
    await expect(client().upload(streamed([chunk!]))).rejects.toMatchObject({ code: 'UPLOAD_ORDER' });
    await expect(client().upload(streamed([]))).rejects.toMatchObject({ code: 'UPLOAD_ORDER' });
    await expect(client().upload(streamed([start!, start!]))).rejects.toMatchObject({ code: 'UPLOAD_ORDER' });
    await expect(upload(newPart('x'))).rejects.toMatchObject({ kind: 'invalid', code: 'ID' });
    await expect(upload(newPart(newId(), { mailId: '../x' }))).rejects.toMatchObject({ kind: 'invalid', code: 'ID' });
  });
});

describe('a file over the limit', () => {
  it('is rejected for good when more comes than was declared, and its object is gone', async () => {
    const part = newPart(newId(), { sizeBytes: 10 });
    expect(await upload(part, randomBytes(limitBytes + 1))).toMatchObject({ state: AttachmentState.REJECTED, reason: 'declaration_lied' });
    await here.settled();
    expect(await filesOf(part)).toEqual([]);
    const rejected = await settle('the event', async () =>
      (await house().published('rejoinder.attachment.v1', AttachmentRejectedSchema)).find(
        ({ attachmentId }) => attachmentId === part.attachmentId,
      ),
    );
    expect(rejected).toMatchObject({ mailId: part.mailId, reason: 'declaration_lied' });
    expect(await upload(part)).toMatchObject({ state: AttachmentState.REJECTED });
  });

  it('is told as too large when it was declared so', async () => {
    const part = newPart(newId(), { sizeBytes: limitBytes + 1 });
    expect(await upload(part, randomBytes(limitBytes + 1))).toMatchObject({ state: AttachmentState.REJECTED, reason: 'part_too_large' });
  });

  it('begins with the byte after the limit', async () => {
    expect(await upload(newPart(newId()), randomBytes(limitBytes))).toMatchObject({ state: AttachmentState.STORED });
  });

  it('of a person is refused, whether declared or not, and leaves nothing', async () => {
    const file = newPart(newId(), { mailId: '', attachmentId: '', sizeBytes: limitBytes + 1 });
    await expect(upload(file)).rejects.toMatchObject({ kind: 'too_large' });
    await expect(upload({ ...file, sizeBytes: 5 }, randomBytes(limitBytes + 1))).rejects.toMatchObject({ kind: 'too_large' });
    await here.settled();
    expect(await house().query('select 1 from attachment.attachment where tenant_id = $1', [file.tenantId])).toEqual([]);
    expect((await here.files()).filter((name) => name.startsWith(file.tenantId))).toEqual([]);
  });
});

describe('a file of a person', () => {
  const personsFile = async () => {
    const file = newPart(newId(), { mailId: '', attachmentId: '', fileName: 'price list.xlsx' });
    const { attachmentId, state } = await upload(file);
    expect(state).toBe(AttachmentState.STORED);
    return { ...file, attachmentId };
  };

  it('stays with the mail it is sent with, which is when it is told of as stored', async () => {
    const file = await personsFile();
    expect(await storedEvents(file.attachmentId)).toEqual([]);
    const mailId = newId();
    await house().publish(
      'rejoinder.sending.v1',
      SendAcceptedSchema,
      newId(),
      { mailId, attachments: [declaredOf(file)] },
      0n,
      file.tenantId,
    );
    const event = await settle('the event', async () => (await storedEvents(file.attachmentId))[0]);
    expect(event).toMatchObject({ mailId, sizeBytes: 400_000n });
    here.moveClock(25 * hourMs);
    const unsent = await personsFile();
    here.moveClock(25 * hourMs);
    await settle('the unsent file to go', async () => (await stateOf(unsent)) === undefined);
    expect(await filesOf(unsent)).toEqual([]);
    expect((await download(file)).attachment).toMatchObject({ mailId, fileName: 'price list.xlsx' });
  });

  it('goes after a day if it is never sent, and not before', async () => {
    const file = await personsFile();
    const before = newPart(newId(), { mailId: '', attachmentId: '' });
    here.moveClock(23 * hourMs);
    const later = { ...before, attachmentId: (await upload(before)).attachmentId };
    here.moveClock(2 * hourMs);
    await settle('the file to go', async () => (await stateOf(file)) === undefined);
    expect(await filesOf(file)).toEqual([]);
    expect(await stateOf(later)).toBe('stored');
    await expect(download(file)).rejects.toMatchObject({ kind: 'not_found' });
  });
});
