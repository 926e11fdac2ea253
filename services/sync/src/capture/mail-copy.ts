// Finds a copy of a mail at a place where it was seen, and makes sure it is that mail before anything of it is read.
import type { MailHeaders } from '@rejoinder/mail/headers';
import { parseHeaders } from '@rejoinder/mail/headers';
import type { StructureNode } from '@rejoinder/mail/part';
import type { ImapSession, SeenMail } from '../imap/imap-session.js';
import { mailIdOf, signedMark } from '../inbox/observe.js';
import type { TenantHash } from '../inbox/tenant-hash.js';
import type { Location } from './location-store.js';

export type MailCopy = SeenMail & { root: StructureNode | undefined };

/** The copy at this place, or undefined where the mail is no longer there: gone, moved, or its UID is another mail's now. */
export async function findCopy(imap: ImapSession, at: Location, mailId: string, tenant: TenantHash): Promise<MailCopy | undefined> {
  if ((await imap.uidValidity(at.path)) !== at.uidValidity) return undefined;
  const copy = await imap.structure(at.uid);
  return copy && isMail(parseHeaders(copy.header), mailId, tenant) ? copy : undefined;
}

function isMail(headers: MailHeaders, mailId: string, { hash, isSigned }: TenantHash): boolean {
  return mailIdOf(headers, hash) === mailId || signedMark(headers, isSigned)?.mailId === mailId;
}
