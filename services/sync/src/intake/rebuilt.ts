// A mail that was forwarded within the text of another, as it may have been: header, text, and the files that were forwarded with it.
import type { Forwarded } from '@rejoinder/mail/forward';
import type { Address } from '@rejoinder/mail/addresses';
import { collapse } from '@rejoinder/mail/raw-text';

/** What the mail around it says, where the block says nothing. */
export interface Around {
  subject: string;
  sentAt: number;
  /** Separates its parts; stands in none of them. */
  boundary: string;
}

/** Everything before its files. The same forward gives the same header, and so the same mail. */
export function rebuiltHead(forwarded: Forwarded, { subject, sentAt, boundary }: Around): Buffer {
  const { from, to, cc, messageId, text } = forwarded;
  const fields = [
    ['From', person(from)],
    ['To', to.map(person).join(',\r\n ')],
    ['Cc', cc.map(person).join(',\r\n ')],
    ['Date', new Date((forwarded.sentAt ?? sentAt) * 1_000).toUTCString().replace('GMT', '+0000')],
    ['Subject', collapse(forwarded.subject || subject)],
    ['Message-ID', messageId === undefined ? '' : `<${messageId}>`],
    ['MIME-Version', '1.0'],
    ['Content-Type', `multipart/mixed; boundary="${boundary}"`],
  ];
  const header = fields.filter(([, value]) => value !== '').map(([name, value]) => `${name}: ${value}\r\n`);
  const type = 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n';
  return Buffer.from(`${header.join('')}\r\n--${boundary}\r\n${type}\r\n${text.toWellFormed().replace(/\r\n|\r|\n/g, '\r\n')}`);
}

/** Before each file, which follows with its own header as it came. */
export const beforeFile = (boundary: string): Buffer => Buffer.from(`\r\n--${boundary}\r\n`);
export const rebuiltEnd = (boundary: string): Buffer => Buffer.from(`\r\n--${boundary}--\r\n`);

function person({ name, address }: Address): string {
  const shown = collapse(name).replace(/["\\]/g, '\\$&');
  return shown === '' ? address : `"${shown}" <${address}>`;
}
