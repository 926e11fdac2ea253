// A delivery report as Postfix writes it: its own headers name neither the mail that could not be delivered nor whom it was for.
import { randomUUID } from 'node:crypto';

export interface BounceParts {
  /** Whose mail comes back. */
  to: string;
  /** Whom it did not reach. */
  recipient: string;
  /** The mail that comes back, or the start of it. */
  returned: Buffer | string;
  messageId?: string;
}

export function buildBounce({ to, recipient, returned, messageId = `<${randomUUID()}@mx.test>` }: BounceParts): Buffer {
  const lines = [
    'Return-Path: <>',
    'From: MAILER-DAEMON@mx.test (Mail Delivery System)',
    `To: ${to}`,
    'Subject: Undelivered Mail Returned to Sender',
    `Message-ID: ${messageId}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="=bounce"',
    '',
    '--=bounce',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    "I'm sorry to have to inform you that your message could not be delivered.",
    '',
    '--=bounce',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.test',
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    'Action: failed',
    'Status: 5.1.1',
    'Diagnostic-Code: smtp; 550 5.1.1 User unknown',
    '',
    '--=bounce',
    'Content-Type: message/rfc822',
    '',
    returned.toString('latin1'),
    '--=bounce--',
    '',
  ];
  return Buffer.from(lines.join('\r\n'), 'latin1');
}
