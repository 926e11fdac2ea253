// Files in and out over real HTTP: never held, never too large, and never whole if they are not.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { ServerReadableStream } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { AttachmentService, type UploadRequest } from '@rejoinder/contracts/api/attachment';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { settle } from '@rejoinder/testing/settle';
import { apiKey, ask, startGateway, type Gateway } from './gateway-house.js';
import { startPeer, type Peer } from './peers.js';

interface Taken {
  tenantId: string;
  fileName: string;
  contentType: string;
  sizeBytes: number;
  largestChunk: number;
  sha256Hex: string;
  end?: { sizeBytes: bigint; sha256Hex: string };
  over: 'open' | 'ended' | 'broken';
}

let gateway: Gateway;
let attachment: Peer;
let taken: Taken[] = [];
/** What Download does with an id. */
const files = new Map<string, { name: string; type: string; size: number; breakAfter?: number; lie?: number }>();
const pendingId = newId();
let written = 0;
let cancelled = 0;

const block = randomBytes(65_536);

beforeAll(async () => {
  gateway = await startGateway({ REJOINDER_UPLOAD_MAX_MB: '5' });
  attachment = await startPeer(gateway.house.house.peerAddress('attachment'), AttachmentService, {
    upload: async (call) => {
      const one = await take(call);
      if (!one.end) throw new Fault('broken', 'UPLOAD_TRUNCATED', 'Ended early.');
      return { attachmentId: newId(), state: AttachmentState.STORED };
    },
    download: async ({ attachmentId }, call) => {
      const file = files.get(attachmentId);
      if (attachmentId === pendingId) throw new Fault('gone', 'PENDING', 'The attachment has not arrived yet.');
      if (!file) throw new Fault('not_found', 'FORGOTTEN', 'There is no such attachment.');
      call.once('cancelled', () => cancelled++);
      call.write({
        step: {
          case: 'attachment',
          value: { attachmentId, fileName: file.name, contentType: file.type, sizeBytes: BigInt(file.lie ?? file.size) },
        },
      });
      for (let sent = 0; sent < file.size; sent += block.length) {
        if (file.breakAfter !== undefined && sent >= file.breakAfter) throw new Fault('broken', 'STORE_AWAY', 'The store is away.');
        written = sent;
        if (call.cancelled) return;
        if (!call.write({ step: { case: 'chunk', value: block.subarray(0, Math.min(block.length, file.size - sent)) } })) {
          await Promise.race([once(call, 'drain'), once(call, 'cancelled')]);
        }
      }
    },
  });
});
beforeEach(() => {
  taken = [];
  [written, cancelled] = [0, 0];
});
afterAll(async () => {
  await attachment?.stop();
  await gateway?.stop();
});

async function take(call: ServerReadableStream<UploadRequest, object>): Promise<Taken> {
  const one: Taken = { tenantId: '', fileName: '', contentType: '', sizeBytes: 0, largestChunk: 0, sha256Hex: '', over: 'open' };
  taken.push(one);
  const hash = createHash('sha256');
  call.once('cancelled', () => one.over === 'open' && (one.over = 'broken'));
  for await (const { step } of call as AsyncIterable<UploadRequest>) {
    if (step.case === 'start') Object.assign(one, { tenantId: step.value.tenantId, ...pick(step.value.declared!) });
    if (step.case === 'chunk') {
      hash.update(step.value);
      one.sizeBytes += step.value.length;
      one.largestChunk = Math.max(one.largestChunk, step.value.length);
    }
    if (step.case === 'end') one.end = { sizeBytes: step.value.sizeBytes, sha256Hex: step.value.sha256Hex };
  }
  one.sha256Hex = hash.digest('hex');
  if (one.over === 'open') one.over = one.end ? 'ended' : 'broken';
  return one;
}
const pick = ({ fileName, contentType }: { fileName: string; contentType: string }) => ({ fileName, contentType });

const post = (form: FormData) =>
  fetch(`http://${gateway.host}/v1/attachments`, { method: 'POST', body: form, headers: { authorization: `Bearer ${apiKey}` } });
const formOf = (bytes: Buffer, name: string, type = 'application/pdf') => {
  const form = new FormData();
  form.append('file', new File([new Uint8Array(bytes)], name, { type }));
  return form;
};

describe('an upload', () => {
  test('streams through in chunks, with its name and hash', async () => {
    const bytes = randomBytes(3_000_001);
    const answer = await post(formOf(bytes, 'Größe – 見積.pdf'));
    expect([answer.status, await answer.json()]).toEqual([
      201,
      { attachment_id: expect.any(String), file_name: 'Größe – 見積.pdf', content_type: 'application/pdf', size_bytes: 3_000_001 },
    ]);
    const sha256Hex = createHash('sha256').update(bytes).digest('hex');
    expect(taken).toMatchObject([
      { tenantId: gateway.tenantId, fileName: 'Größe – 見積.pdf', sizeBytes: 3_000_001, sha256Hex, over: 'ended' },
    ]);
    expect(taken[0]!.end).toEqual({ sizeBytes: 3_000_001n, sha256Hex });
    expect(taken[0]!.largestChunk).toBeLessThanOrEqual(65_536);
  });

  test('of exactly the limit is taken, of one byte more is not', async () => {
    expect((await post(formOf(Buffer.alloc(5_000_000), 'a.bin'))).status).toBe(201);
    const over = await post(formOf(Buffer.alloc(5_000_001), 'b.bin'));
    expect([over.status, await over.json()]).toEqual([413, expect.objectContaining({ code: 'ATTACHMENT_TOO_LARGE' })]);
    await settle('the end of the second', () => taken.length === 2 && taken[1]!.over !== 'open');
    expect(taken.map(({ over }) => over)).toEqual(['ended', 'broken']);
    expect(taken[1]!.end).toBeUndefined();
  });

  test('that says at once that it is too large is refused before a byte of it is passed on, and its sender still hears it', async () => {
    const answer = await post(formOf(Buffer.alloc(40_000_000), 'c.bin'));
    expect([answer.status, taken]).toEqual([413, []]);
  });

  test('without a length is stopped where the limit is', async () => {
    const head = 'multipart/form-data; boundary=b';
    const answer = await chunked(head, [
      '--b\r\ncontent-disposition: form-data; name="file"; filename="d.bin"\r\n\r\n',
      ...Array(100).fill(Buffer.alloc(100_000)),
      '\r\n--b--\r\n',
    ]);
    expect(answer).toBe(413);
    await settle('its end', () => taken[0]?.over === 'broken');
  });

  test('that breaks off is never taken for a whole file', async () => {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.write(
      `POST /v1/attachments HTTP/1.1\r\nHost: ${gateway.host}\r\nAuthorization: Bearer ${apiKey}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n` +
        `--b\r\ncontent-disposition: form-data; name="file"; filename="e.bin"\r\n\r\n${'x'.repeat(200_000)}`,
    );
    await settle('some of it', () => (taken[0]?.sizeBytes ?? 0) > 0);
    socket.destroy();
    await settle('its end', () => taken[0]!.over !== 'open');
    expect([taken[0]!.over, taken[0]!.end]).toEqual(['broken', undefined]);
  });

  test('of no file, or of what is no form, is refused', async () => {
    const empty = new FormData();
    empty.append('note', 'x');
    const answer = await post(empty);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'NO_FILE']);
    expect((await gateway.call('POST', '/v1/attachments', { body: {} })).status).toBe(406);
  });

  test('is not let to name a path, nor a type that means something else', async () => {
    const answer = await post(formOf(Buffer.from('x'), '../../etc/pa\u202Esswd', 'text/html; charset=x\u0000'));
    expect(await answer.json()).toMatchObject({ file_name: 'passwd' });
    expect(taken[0]!.contentType).toMatch(/^(text\/html|application\/octet-stream)$/);
  });
});

describe('a download', () => {
  const get = (id: string) => ask(gateway.port, 'GET', `/v1/attachments/${id}`, undefined, { authorization: `Bearer ${apiKey}` });

  test('is whole, saved under its name, shown nowhere, kept nowhere', async () => {
    const id = newId();
    files.set(id, { name: 'Größe "1".html', type: 'text/html', size: 1_000_000 });
    const { status, headers } = await get(id);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '1000000',
      'content-disposition': `attachment; filename="Gr__e _1_.html"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20_1_.html`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-store',
    });
    expect(headers['content-security-policy']).toBe("default-src 'none'; sandbox; frame-ancestors 'none'");
  });

  test('that breaks off breaks off for the reader, and never looks whole', async () => {
    const id = newId();
    files.set(id, { name: 'a', type: 'image/png', size: 5_000_000, breakAfter: 2_000_000 });
    await expect(get(id)).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  });

  test('that ends before its size breaks off as well', async () => {
    const id = newId();
    files.set(id, { name: 'a', type: 'image/png', size: 1_000_000, lie: 1_000_001 });
    await expect(get(id)).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  });

  test('that has not begun is refused in words', async () => {
    expect((await get(pendingId)).json).toMatchObject({ status: 409, code: 'PENDING' });
    expect((await get(newId())).json).toMatchObject({ status: 404, code: 'FORGOTTEN' });
  });

  test('is read no faster than it is taken, and ended once its reader is gone', async () => {
    const id = newId();
    files.set(id, { name: 'a', type: 'image/png', size: 500_000_000 });
    const before = process.memoryUsage().rss;
    const asking = httpRequest({
      host: '127.0.0.1',
      port: gateway.port,
      path: `/v1/attachments/${id}`,
      headers: { authorization: `Bearer ${apiKey}` },
      agent: false,
    });
    const [response] = (await once(asking.end(), 'response')) as [IncomingMessage];
    response.pause();
    let last = -1;
    await settle('it stands still', () => {
      const still = written > 0 && written === last;
      last = written;
      return still;
    });
    const grownMb = (process.memoryUsage().rss - before) / 1_000_000;
    process.stdout.write(
      `a download nobody reads stands still after ${(written / 1_000_000).toFixed(1)} of 500 MB; memory grew by ${grownMb.toFixed(0)} MB\n`,
    );
    expect(written).toBeLessThan(50_000_000);
    asking.destroy();
    await settle('the stream is given up', () => cancelled > 0);
  });
});

/** A body whose length is not told beforehand. */
function chunked(contentType: string, parts: (string | Buffer)[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': contentType };
    const asking = httpRequest(
      { host: '127.0.0.1', port: gateway.port, path: '/v1/attachments', method: 'POST', headers, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode!);
      },
    );
    asking.on('error', reject);
    for (const part of parts) asking.write(part);
    asking.end();
  });
}
