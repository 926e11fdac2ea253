// Which mail a delivery report is about, and what of it is asked for to tell.
import { expect, test, vi } from 'vitest';
import { faultOf } from '@rejoinder/contracts/catalogue';
import type { StructureNode } from '@rejoinder/mail/part';
import type { SectionQuery } from '../imap/imap-session.js';
import { observe, type Surroundings } from './observe.js';
import { maxReports, nameOriginals, type ReportSession } from './report-originals.js';

const around: Surroundings = {
  hash: (kind, text) => Buffer.from(`${kind}:${text}`),
  isSigned: (_, mac) => mac === 'ours',
  isOwn: () => false,
  role: 'inbox',
  isLogFolder: false,
  now: new Date(),
};
const part = (id: string, type: string, more: Partial<StructureNode> = {}): StructureNode => ({ part: id, type, size: 500_000, ...more });
const report = (...childNodes: StructureNode[]): StructureNode => ({ type: 'multipart/report', childNodes });
const marked = 'From: MAILER-DAEMON@mx.test\r\nMessage-ID: <self@mx.test>\r\n';
const read = (uid: number, header: string) =>
  observe({ uid, flags: new Set(), receivedAt: undefined, sizeBytes: 9, header: Buffer.from(`${header}\r\n`) }, around);

/** A server that has one structure for all mails, and these sections. */
function server(root: StructureNode, sections: Record<string, string>, refuses: (uid: number) => boolean = () => false) {
  const asked: string[] = [];
  const imap = {
    structure: async (uid: number) => {
      asked.push('structure');
      if (refuses(uid)) throw faultOf('UNAVAILABLE');
      return { root };
    },
    sections: async (_: number, queries: SectionQuery[]) => {
      asked.push(...queries.map(({ section, maxBytes }) => `${section} ${maxBytes}`));
      return new Map(queries.map(({ section }) => [section, Buffer.from(sections[section] ?? '')]));
    },
  } as unknown as ReportSession;
  return { imap, asked };
}

async function chainOf(header: string, root: StructureNode, sections: Record<string, string>) {
  const { imap, asked } = server(root, sections);
  const seen = read(1, header);
  await nameOriginals([seen], imap, around);
  return { chain: seen.mail.chainHashes.map((hash) => hash.toString().replace('message-id:', '')), asked, seen };
}

const whole = report(part('1', 'text/plain'), part('2', 'message/delivery-status'), part('3', 'message/rfc822'));

test('the header that came back tells it, and nothing else is asked for', async () => {
  const { chain, asked } = await chainOf(marked, whole, { '3.HEADER': 'Message-ID: <offer@house.test>\r\nSubject: x\r\n\r\n' });
  expect([chain, asked]).toEqual([['offer@house.test'], ['structure', '3.HEADER 64000']]);
  const headers = report(part('1', 'text/plain'), part('2', 'text/rfc822-headers', { encoding: 'base64' }));
  const encoded = Buffer.from('Message-ID: <offer@house.test>\r\n').toString('base64');
  expect(await chainOf(marked, headers, { 2: encoded })).toMatchObject({ chain: ['offer@house.test'], asked: ['structure', '2 64000'] });
});

test('the start of the first text is read where that header names no mail', async () => {
  const { chain, asked } = await chainOf(marked, whole, {
    '3.HEADER': 'Subject: x\r\n\r\n',
    1: 'Sorry.\n> Message-ID: <offer@house.test>\n',
  });
  expect([chain, asked]).toEqual([['offer@house.test'], ['structure', '3.HEADER 64000', '1 8000']]);
  expect(await chainOf(marked, part('1', 'text/plain'), { 1: 'Sorry.' })).toMatchObject({ chain: [], asked: ['structure', '1 8000'] });
});

test('it comes behind what the headers cite, and stays where they cite it; doubts are settled', async () => {
  const sections = { '3.HEADER': 'Message-ID: <offer@house.test>\r\n\r\n' };
  const cites = (ids: string) => chainOf(`${marked}References: ${ids}\r\n`, whole, sections);
  expect((await cites('<a@x.test> <b@x.test>')).chain).toEqual(['a@x.test', 'b@x.test', 'offer@house.test']);
  expect((await cites('<offer@house.test> <b@x.test>')).chain).toEqual(['offer@house.test', 'b@x.test']);
  expect((await cites(Array.from({ length: 60 }, (_, at) => `<${at}@x.test>`).join(' '))).chain).toHaveLength(50);
  const { chain, seen } = await chainOf(`${marked}In-Reply-To: <a@x.test> <b@x.test>\r\n`, whole, sections);
  expect([chain, seen.doubtfulHashes]).toEqual([['offer@house.test'], []]);
  const self = { '3.HEADER': 'Message-ID: <self@mx.test>\r\n\r\n' };
  expect((await chainOf(marked, whole, self)).chain).toEqual([]);
});

test('our own mark tells our id where a provider has rewritten it, if it is signed', async () => {
  const back = (mac: string) => ({
    '3.HEADER': `Message-ID: <p@provider.test>\r\nFrom: Sales <me@house.test>\r\nX-Rejoinder-Send: v1.send.mail.${mac}\r\n\r\n`,
  });
  expect((await chainOf(marked, whole, back('ours'))).chain).toEqual(['p@provider.test', 'v1.send.mail.ours@house.test']);
  expect((await chainOf(marked, whole, back('forged'))).chain).toEqual(['p@provider.test']);
});

test('nothing is asked of a complaint, nor of any other mail; identity does not hang on it', async () => {
  const sections = { '3.HEADER': 'Message-ID: <offer@house.test>\r\n\r\n' };
  for (const header of [
    'From: a@x.test\r\nContent-Type: multipart/report; report-type=feedback-report\r\n',
    'From: a@x.test\r\nContent-Type: multipart/report; report-type=disposition-notification\r\n',
    'From: a@x.test\r\nAuto-Submitted: auto-replied\r\n',
    'From: a@x.test\r\nSubject: Undelivered\r\n',
  ])
    expect(await chainOf(header, whole, sections)).toMatchObject({ chain: [], asked: [] });
  expect((await chainOf(marked, whole, sections)).seen.mailId).toBe(read(1, marked).mailId);
});

test('the newest of a batch are looked into, and one that is refused takes no other with it', async () => {
  const { imap, asked } = server(whole, { '3.HEADER': 'Message-ID: <offer@house.test>\r\n\r\n' }, (uid) => uid === 7);
  const reports = Array.from({ length: maxReports + 5 }, (_, at) => read(at + 1, marked));
  expect(await nameOriginals(reports, imap, around)).toBe(6);
  expect(reports.filter(({ mail }) => mail.chainHashes.length > 0).map(({ uid }) => uid)).toEqual(
    reports.map(({ uid }) => uid).filter((uid) => uid > 5 && uid !== 7),
  );
  expect(asked.filter((one) => one === 'structure')).toHaveLength(maxReports);
});

test('a server that takes its time holds up the batch for half a minute, and not for each report', async () => {
  const { imap, asked } = server(whole, { '3.HEADER': 'Message-ID: <offer@house.test>\r\n\r\n' });
  let asks = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => asks++ * 12_000);
  const left = await nameOriginals(
    Array.from({ length: 9 }, (_, at) => read(at + 1, marked)),
    imap,
    around,
  );
  clock.mockRestore();
  expect([left, asked.filter((one) => one === 'structure').length]).toEqual([7, 2]);
});
