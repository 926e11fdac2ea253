// Which mail is answered where In-Reply-To has several words.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { observe, type Surroundings } from './observe.js';
import { settleDoubts } from './settle-doubts.js';

const hash: Surroundings['hash'] = (kind, text) => createHash('sha256').update(`${kind} ${text}`).digest();
const now = new Date('2026-11-24T12:00:00Z');
const around: Surroundings = { hash, isSigned: () => false, isOwn: () => false, role: 'inbox', isLogFolder: false, now };
const read = (header: string) => observe({ uid: 7, flags: new Set(), receivedAt: now, sizeBytes: 9, header: Buffer.from(header) }, around);
const idHash = (id: string) => hash('message-id', id);

const answer = 'Message-ID: <c@x>\r\nIn-Reply-To: Message from <joe@host> of Friday <a@x> <b@x>\r\nFrom: ann@x.test\r\n\r\n';

/** The chain of the answer once it came with these mails, and those had come before. */
async function chain(before: string[], beside: string[] = []): Promise<Uint8Array[]> {
  const observations = [answer, ...beside].map(read);
  await settleDoubts(observations, async () => new Set(before.map((id) => idHash(id).toString('hex'))));
  return observations[0]!.mail.chainHashes;
}

test('it answers the first that is a mail we know', async () => {
  expect(await chain(['b@x', 'a@x'])).toEqual([idHash('a@x')]);
  expect(await chain(['b@x'])).toEqual([idHash('b@x')]);
});

test('or one that comes in the same batch', async () => {
  expect(await chain([], ['Message-ID: <b@x>\r\n\r\n'])).toEqual([idHash('b@x')]);
  expect(await chain(['b@x'], ['Message-ID: <a@x>\r\n\r\n'])).toEqual([idHash('a@x')]);
});

test('and none where none is known: any of them may be a person’s address', async () => expect(await chain([])).toEqual([]));
