// Only the mail that was asked for is read: whatever stands at its place by now.
import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseHeaders } from '@rejoinder/mail/headers';
import type { ImapSession } from '../imap/imap-session.js';
import { mailIdOf, type Hash } from '../inbox/observe.js';
import { findCopy } from './mail-copy.js';

const hash: Hash = (kind, text) => Buffer.from(createHmac('sha256', 'key').update(`${kind}\0${text}`).digest());
const tenant = { hash, isSigned: () => false, attachment: () => Buffer.alloc(16) };
const at = { inboxId: 'i', folderId: 'f', path: 'INBOX', uidValidity: 7n, uid: 3 };
const header = (id: string) => Buffer.from(`Message-ID: <${id}@x.test>\r\nFrom: bob@x.test\r\n\r\n`);
const asked = mailIdOf(parseHeaders(header('asked')), hash);

/** A folder of this UIDVALIDITY, with this mail at the UID that is looked at. */
function folder(uidValidity: bigint, there: string | undefined): ImapSession {
  const copy = there && { uid: 3, flags: new Set(), receivedAt: undefined, sizeBytes: 1, header: header(there), root: undefined };
  return { uidValidity: async () => uidValidity, structure: async () => copy } as unknown as ImapSession;
}

test('the mail itself is found at its place', async () => {
  expect(await findCopy(folder(7n, 'asked'), at, asked, tenant)).toMatchObject({ uid: 3, header: header('asked') });
});

test('another mail under its UID is not it, nor is anything under another UIDVALIDITY, nor nothing', async () => {
  expect(await findCopy(folder(7n, 'private'), at, asked, tenant)).toBeUndefined();
  expect(await findCopy(folder(8n, 'asked'), at, asked, tenant)).toBeUndefined();
  expect(await findCopy(folder(7n, undefined), at, asked, tenant)).toBeUndefined();
});
