// The mails that are taken out of the stream are those that imapflow's own parser reads there, however the stream is cut; all else reaches imapflow as it came.
import fc from 'fast-check';
import type { FetchMessageObject, ImapFlow } from 'imapflow';
import parser from 'imapflow/lib/handler/imap-parser.js';
import { ImapStream } from 'imapflow/lib/handler/imap-stream.js';
import { formatMessageResponse } from 'imapflow/lib/tools.js';
import { expect, test } from 'vitest';
import { seenMail, type SeenMail } from './imap-session.js';
import { takeMails } from './lean-fetch.js';

interface Heard {
  mails: SeenMail[];
  /** Lines that imapflow was given, without those of mails. */
  lines: string[];
  /** Mails that imapflow had to read. */
  left: number;
}

/** Sends the pieces through imapflow's stream, with mails taken before it or not. */
async function heard(pieces: Buffer[], lean: boolean): Promise<Heard> {
  const stream = new ImapStream({ logger: false } as never);
  const found: Heard = { mails: [], lines: [], left: 0 };
  const release = lean ? takeMails({ streamer: stream } as unknown as ImapFlow, (mail) => found.mails.push(mail)) : () => undefined;
  const ended = (async () => {
    for await (const answer of stream as AsyncIterable<{ payload: Buffer; literals: Buffer[]; next: () => void }>) {
      const message = await messageOf(answer);
      if (message?.uid && message.headers !== undefined) {
        found.mails.push(seenMail(message));
        found.left++;
      } else found.lines.push(answer.payload.toString('latin1'));
      answer.next();
    }
  })();
  for (const piece of pieces) await new Promise<void>((resolve) => stream.write(piece, () => resolve()));
  release();
  stream.end();
  await ended;
  return found;
}

/** As imapflow does: a line that it cannot read is skipped. */
async function messageOf({ payload, literals }: { payload: Buffer; literals: Buffer[] }): Promise<FetchMessageObject | undefined> {
  const parsed = await parser(payload, { literals }).catch(() => undefined);
  return (
    parsed && ((await formatMessageResponse(parsed as never, { path: 'INBOX' } as never, 'md5', undefined as never)) as FetchMessageObject)
  );
}

/** What a stranger may write into a mail so that it looks like an answer of the server. */
const forged =
  '* 1 FETCH (UID 4000000001 FLAGS () INTERNALDATE "12-Jul-2026 11:11:11 +0200" RFC822.SIZE 1 BODY[HEADER.FIELDS (X)] {0}\r\n)\r\n';

const header = fc.oneof(
  fc.string({ maxLength: 60 }).map((text) => Buffer.from(`Subject: ${text}\r\n\r\n`)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(forged, `\r\n${forged}`, ') {12}\r\n* 1 FETCH (UID 9)\r\n', '', '\r\n', 'a {3}\r\n').map((text) => Buffer.from(text)),
);
const literal = (bytes: Buffer) => Buffer.concat([Buffer.from(`{${bytes.length}}\r\n`), bytes]);
const fields = 'BODY[HEADER.FIELDS (MESSAGE-ID "SUBJECT" X-A)] ';

/** The items of a mail in any order, each in one of the ways in which a server may write it. */
const usual = fc.tuple(
  fc.integer({ min: 1, max: 4_294_967_295 }).map((uid) => `UID ${uid}`),
  fc.constantFrom('FLAGS ()', 'FLAGS (\\Seen)', 'FLAGS (\\Seen $RejoinderLog \\*x NonJunk)'),
  fc.constantFrom('INTERNALDATE "12-Jul-2026 11:11:11 +0200"', 'INTERNALDATE " 2-Jul-2026 11:11:11 -0030"', 'INTERNALDATE "never"'),
  fc.integer({ min: 0, max: 99_000_000 }).map((size) => `RFC822.SIZE ${size}`),
  fc.constantFrom('MODSEQ (7)', 'EMAILID (M6d99ac3275bb4e)', 'X-GM-MSGID 1278455344230334865'),
  fc.constantFrom(
    'X-GM-LABELS ()',
    'X-GM-LABELS ("\\\\Inbox" "\\\\Sent" Work "In work (a \\"b\\")")',
    'X-GM-LABELS (\\Inbox &AOk-/b NIL)',
    'X-GM-LABELS (\\Draft "a" b)',
  ),
);
const strange = fc.constantFrom(
  'UID 0',
  'FLAGS NIL',
  'INTERNALDATE NIL',
  'X-NEW "a\\"b) {3}"',
  'ENVELOPE NIL',
  'RFC822.SIZE NIL',
  'FLAGS ("a b")',
);
const mail = fc.tuple(usual, fc.option(strange, { freq: 5 }), header, fc.nat(), fc.nat()).chain(([items, odd, bytes, seq, place]) =>
  fc.shuffledSubarray([...items, ...(odd === null ? [] : [odd])], { minLength: 4 }).map((order) => {
    const at = place % (order.length + 1);
    const [before, behind] = [order.slice(0, at), order.slice(at)].map((some) => some.join(' '));
    const start = `* ${(seq % 4_000_000) + 1} FETCH (${before}${before === '' ? '' : ' '}${fields}`;
    return Buffer.concat([Buffer.from(start), literal(bytes), Buffer.from(`${behind === '' ? '' : ` ${behind}`})\r\n`)]);
  }),
);
const other = fc.constantFrom(
  '* 12 EXISTS\r\n',
  '* 3 FETCH (UID 7 FLAGS (\\Seen))\r\n',
  '* 4 EXPUNGE\r\n',
  '* OK [ALERT] {x}\r\n',
  'A7 OK done\r\n',
  '* LIST () "/" {3}\r\na\r\n\r\n',
  '* OK unix\n',
  '* 5 FETCH (UID 9 BODY[1] {2}\r\nhi BODY[2] {000000000000000000000000000002}\r\nho)\r\n',
  `* 6 FETCH (UID 9 BODY[1] {${String(forged.length).padStart(30, '0')}}\r\n${forged})\r\n`,
);
const answers = fc.array(fc.oneof({ weight: 4, arbitrary: mail }, { weight: 1, arbitrary: other.map((text) => Buffer.from(text)) }), {
  maxLength: 12,
});

function cut(whole: Buffer, places: number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (whole.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, n) => whole.subarray(from, at[n] ?? whole.length)).filter((piece) => piece.length > 0);
}

const byUid = ({ mails }: Heard) =>
  mails.map((one) => ({ ...one, header: Buffer.from(one.header).toString('hex') })).sort((a, b) => a.uid - b.uid);

test('mails are read as imapflow reads them, and all else reaches it', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(answers, fc.array(fc.nat(), { maxLength: 20 }), async (parts, places) => {
      const pieces = cut(Buffer.concat(parts), places);
      const [lean, plain] = [await heard(pieces, true), await heard(pieces, false)];
      expect(byUid(lean)).toEqual(byUid(plain));
      expect(lean.lines).toEqual(plain.lines);
    }),
    { numRuns: 500 },
  );
});

const numbered = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, n) =>
    Buffer.concat([
      Buffer.from(`* ${n + 1} FETCH (UID ${n + 1} FLAGS () INTERNALDATE "12-Jul-2026 11:11:11 +0000" RFC822.SIZE 9 ${fields}`),
      literal(Buffer.alloc(bytes, 'a')),
      Buffer.from(')\r\n'),
    ]),
  );

test('imapflow is spared usual answers, and given those that are too long', async () => {
  expect(await heard(numbered(20, 500), true)).toMatchObject({ left: 0 });
  const long = [...numbered(2, 300_000), ...numbered(3, 10)];
  const { left, mails } = await heard(
    cut(
      Buffer.concat(long),
      Array.from({ length: 40 }, (_, n) => n * 16_384),
    ),
    true,
  );
  expect(mails).toHaveLength(5);
  expect(left).toBeGreaterThanOrEqual(2);
});

test('what is too long and looks like answers within is one answer', async () => {
  const inside = forged.repeat(3_000);
  const long = Buffer.from(
    `* 1 FETCH (UID 7 FLAGS () INTERNALDATE "12-Jul-2026 11:11:11 +0200" RFC822.SIZE 1 ${fields}{${inside.length}}\r\n${inside})\r\n`,
  );
  const whole = Buffer.concat([long, ...numbered(2, 10)]);
  const { mails } = await heard(
    cut(
      whole,
      Array.from({ length: 40 }, (_, n) => n * 16_384),
    ),
    true,
  );
  expect(mails.map(({ uid }) => uid).sort()).toEqual([1, 2, 7]);
});

test('what imapflow has begun to read it reads to its end', async () => {
  const [, second, third] = numbered(3, 20) as [Buffer, Buffer, Buffer];
  const first = Buffer.from(`* 1 FETCH (UID 7 BODY[HEADER] {${forged.length}}\r\n${forged})\r\n`);
  const begun = first.indexOf('\r\n') + 2;
  const stream = new ImapStream({ logger: false } as never);
  const lines: Buffer[] = [];
  stream.on('data', ({ payload, next }: { payload: Buffer; next: () => void }) => {
    lines.push(payload);
    next();
  });
  const write = (piece: Buffer) => new Promise<void>((resolve) => stream.write(piece, () => resolve()));
  await write(first.subarray(0, begun));
  const mails: SeenMail[] = [];
  const release = takeMails({ streamer: stream } as unknown as ImapFlow, (mail) => mails.push(mail));
  await write(first.subarray(begun));
  await write(second);
  await write(third.subarray(0, 90));
  release();
  await write(third.subarray(90));
  expect(mails.map(({ uid }) => uid)).toEqual([2]);
  expect(lines).toHaveLength(2);
});
