// The one error catalogue: what a code means to a person, and what they can do; shared by API, console, command line and docs.
import { Fault, type FaultKind } from '@rejoinder/base/fault';
import { webhookCatalogue } from './webhook-catalogue.js';

export interface CatalogueEntry {
  kind: FaultKind;
  /** One or two sentences for a person; never a server's own words. */
  sentence: string;
  /** What the button says; empty where nothing needs to be done. */
  action: string;
}

export const catalogue = {
  AUTH_REJECTED: { kind: 'denied', sentence: 'The mail server refused the user name or the password.', action: 'Reconnect' },
  APP_PASSWORD_NEEDED: {
    kind: 'denied',
    sentence: 'This provider needs an app password: the usual password is not accepted by mail programs.',
    action: 'Show steps',
  },
  OAUTH_ONLY: {
    kind: 'denied',
    sentence: 'This provider accepts no passwords from mail programs any more, only its own sign-in page.',
    action: 'Sign in at its page',
  },
  OAUTH_REJECTED: {
    kind: 'denied',
    sentence: "The mail server refused the access that was granted at the provider's sign-in page.",
    action: 'Sign in again',
  },
  OAUTH_REVOKED: {
    kind: 'gone',
    sentence: 'The provider has withdrawn the access that was granted at its sign-in page.',
    action: 'Sign in again',
  },
  OAUTH_UNAVAILABLE: { kind: 'broken', sentence: "The provider's sign-in does not answer at the moment. It is tried again.", action: '' },
  OAUTH_SETUP: {
    kind: 'broken',
    sentence: 'The provider does not accept the registration of this installation. It is tried again.',
    action: 'Ask the administrator',
  },
  OAUTH_NOT_SET_UP: {
    kind: 'invalid',
    sentence: 'Signing in at this provider is not set up here.',
    action: 'Ask the administrator',
  },
  SIGN_IN_GONE: {
    kind: 'gone',
    sentence: 'This sign-in was begun too long ago, by somebody else, or is finished already.',
    action: 'Sign in again',
  },
  SIGN_IN_REFUSED: { kind: 'denied', sentence: "Access was not granted at the provider's sign-in page.", action: 'Sign in again' },
  SIGN_IN_OTHER: {
    kind: 'invalid',
    sentence: 'Somebody signed in whose address is not the one that is to be connected.',
    action: 'Sign in with the address that is to be connected',
  },
  SIGN_IN_SHORT: {
    kind: 'broken',
    sentence: 'The provider gave no lasting access: it must allow access while nobody is signed in.',
    action: 'Ask the administrator',
  },
  TLS_CERT: {
    kind: 'invalid',
    sentence: 'The certificate of the mail server is not valid for this host name, or nobody we trust has signed it.',
    action: 'Check host',
  },
  TLS_REQUIRED: {
    kind: 'invalid',
    sentence: 'The mail server offers no encryption here; the password was not sent.',
    action: 'Use port 993 for IMAP and 465 for SMTP',
  },
  HOST_BLOCKED: {
    kind: 'invalid',
    sentence: 'The address of the mail server is inside a private network.',
    action: 'Ask the administrator',
  },
  HOST_NOT_FOUND: { kind: 'invalid', sentence: 'There is no mail server of this name.', action: 'Check host' },
  PORT_BLOCKED: {
    kind: 'invalid',
    sentence: 'This port is not allowed for mail servers.',
    action: 'Use 993 or 143 for IMAP, 465 or 587 for SMTP',
  },
  POP3_REFUSED: {
    kind: 'invalid',
    sentence: 'This is a POP3 server. POP3 shows neither sent mail nor folders, so replies would be missed.',
    action: 'Use the IMAP server, usually on port 993',
  },
  POP3_ONLY: {
    kind: 'invalid',
    sentence: 'This domain offers its mail by POP3 alone, which shows neither sent mail nor folders, so replies would be missed.',
    action: 'Ask the provider for IMAP, or forward the mail to a mailbox that has it',
  },
  NO_IMAP: {
    kind: 'invalid',
    sentence: 'This provider lets no mail program in, so its mailboxes cannot be connected.',
    action: 'Forward the mail to a mailbox elsewhere and connect that one',
  },
  TLS_HERE: {
    kind: 'invalid',
    sentence: 'This port is encrypted from its first byte: it speaks TLS and not STARTTLS.',
    action: 'Choose TLS',
  },
  STARTTLS_HERE: {
    kind: 'invalid',
    sentence: 'This port begins without encryption: it speaks STARTTLS and not TLS.',
    action: 'Choose STARTTLS, or port 993 for IMAP and 465 for SMTP',
  },
  IMAP_HERE: {
    kind: 'invalid',
    sentence: 'An IMAP server answers here, which receives mail and sends none.',
    action: 'Use the SMTP server, usually on port 465 or 587',
  },
  SMTP_HERE: {
    kind: 'invalid',
    sentence: 'An SMTP server answers here, which sends mail and shows none.',
    action: 'Use the IMAP server, usually on port 993',
  },
  HTTP_HERE: {
    kind: 'invalid',
    sentence: 'A web server answers here, not a mail server.',
    action: 'Use port 993 for IMAP and 465 for SMTP',
  },
  TIMEOUT: { kind: 'broken', sentence: 'The mail server did not answer in time.', action: 'Check host and port' },
  REFUSED: { kind: 'broken', sentence: 'Nothing answers on this port of the mail server.', action: 'Check host and port' },
  CONNECTION_LOST: { kind: 'broken', sentence: 'The connection to the mail server broke. It is tried again.', action: '' },
  SERVER_BROKEN: { kind: 'broken', sentence: 'The server gave an answer that no mail server should give.', action: 'Check host and port' },
  UNAVAILABLE: { kind: 'busy', sentence: 'The mail server is out of service for a while. It is tried again.', action: '' },
  THROTTLED: { kind: 'busy', sentence: 'The provider slowed us down. It is tried again.', action: '' },
  TOO_MANY_CONNECTIONS: {
    kind: 'busy',
    sentence: 'Too many programs are connected to this mailbox at once. It is tried again.',
    action: 'Close other mail programs',
  },
  QUOTA: { kind: 'busy', sentence: 'The mailbox is full, or its limit for a day is reached.', action: 'Check the mailbox' },
  SEND_UNKNOWN: {
    kind: 'gone',
    sentence: 'The server may have taken the message but did not confirm it. It is not sent again by itself.',
    action: 'Check Sent, then say whether to send again',
  },
  SEND_EXPIRED: {
    kind: 'gone',
    sentence: 'The mail server could not take the message for 24 hours. It was not sent.',
    action: 'Send again',
  },
  RECIPIENT_REFUSED: { kind: 'invalid', sentence: 'The mail server refused every recipient.', action: 'Check addresses' },
  MAIL_REFUSED: { kind: 'invalid', sentence: 'The mail server refused the message.', action: 'Change the message' },
  TOO_LARGE: { kind: 'too_large', sentence: 'The message is larger than is allowed.', action: 'Attach less' },
  ATTACHMENT_MISSING: { kind: 'gone', sentence: 'An attachment of the message is no longer there.', action: 'Attach it again' },
  ATTACHMENT_WAITS: { kind: 'broken', sentence: 'An attachment cannot be read at the moment. It is tried again.', action: '' },
  CANCELLED: { kind: 'gone', sentence: 'The message was cancelled before it was sent.', action: '' },
  SENT_COPY_FAILED: {
    kind: 'broken',
    sentence: 'The message was sent, but its copy could not be put into the Sent folder.',
    action: 'Check the mailbox',
  },
  MAIL_TOO_LARGE: { kind: 'too_large', sentence: 'The mail is too large for its attachments to be kept; its text is kept.', action: '' },
  PART_TOO_LARGE: { kind: 'too_large', sentence: 'The attachment is larger than is kept.', action: '' },
  ATTACHMENTS_OFF: { kind: 'denied', sentence: 'Attachments are switched off for this inbox.', action: '' },
  DECLARATION_LIED: { kind: 'invalid', sentence: 'The attachment was much larger than its mail said, so it was not kept.', action: '' },
  GONE: { kind: 'gone', sentence: 'The mail was no longer in the mailbox when it was to be read.', action: '' },
  UNREADABLE: { kind: 'invalid', sentence: 'The mail is built in a way that cannot be read.', action: '' },
  NOT_QUOTING: { kind: 'denied', sentence: 'The mail quotes nothing of the conversation, so it is not a part of it.', action: '' },
  FORGOTTEN: { kind: 'gone', sentence: 'The mail was deleted here, and stays deleted.', action: '' },
  NEVER_LOGGED: {
    kind: 'denied',
    sentence: 'Somebody on the mail is on the list of those whose mail is never logged.',
    action: 'Check settings',
  },
  NOT_SEEN: { kind: 'not_found', sentence: 'No connected mailbox has this mail. It is logged when it turns up.', action: '' },
  NOT_A_MEMBER: { kind: 'denied', sentence: 'It does not come from the address of a connected mailbox.', action: 'Log it or delete it' },
  NOT_VERIFIED: {
    kind: 'denied',
    sentence: 'It names one of your addresses as its sender, but nothing proves that it came from there.',
    action: 'Log it or delete it',
  },
  AUTOMATIC: { kind: 'denied', sentence: 'A machine sent it, not a person.', action: 'Log it or delete it' },
  NO_SENDER_FOUND: {
    kind: 'invalid',
    sentence: 'It was forwarded, but in a way that does not tell whose mail it was.',
    action: 'Forward it as an attachment',
  },
  NO_CONTACT: { kind: 'invalid', sentence: 'It names nobody outside your own mailboxes.', action: '' },
  INTAKE_OFF: {
    kind: 'not_found',
    sentence: 'There are no logging addresses here: nobody has set them up.',
    action: 'Ask the administrator',
  },
  QUARANTINE_NOT_FOUND: {
    kind: 'not_found',
    sentence: 'This mail is no longer held back: it was dealt with, or its 7 days are over.',
    action: '',
  },
  QUARANTINE_NOBODY: {
    kind: 'conflict',
    sentence: 'Nothing in this mail says whose timeline it belongs to, so it cannot be logged.',
    action: 'Forward it as an attachment',
  },
  MAIL_NOT_FOUND: {
    kind: 'not_found',
    sentence: 'There is no such mail, or its headers are no longer kept.',
    action: '',
  },
  THREAD_NOT_FOUND: { kind: 'not_found', sentence: 'There is no such conversation, or none of its mails is known any more.', action: '' },
  NOT_IN_THREAD: {
    kind: 'conflict',
    sentence: 'The mail is in another conversation by now.',
    action: 'Look at it again',
  },
  MERGE_WITH_ITSELF: { kind: 'invalid', sentence: 'A mail cannot be put with itself.', action: 'Name another mail' },
  SENT_FROM_HERE: {
    kind: 'conflict',
    sentence: 'This mail was sent from here: nobody logged it.',
    action: 'Delete it from the timeline',
  },
  NOT_LOGGED_BY_HAND: {
    kind: 'conflict',
    sentence: 'Nobody logged this mail: it is here for the mail that it answers, or for who is on it.',
    action: 'Take it out of the conversation (split), or delete it from the timeline',
  },
  UNLOGGED: {
    kind: 'conflict',
    sentence: 'Somebody said that this mail was not meant to be logged.',
    action: 'Take that back first',
  },
  MAIL_HAS_COME: {
    kind: 'conflict',
    sentence: 'The mail with this Message-ID has come: there is nothing to search for any more.',
    action: 'Say of the mail itself that it was not meant to be logged (unlog)',
  },
  TOO_MANY_PINS: {
    kind: 'conflict',
    sentence: 'Too much was corrected by hand already: at most 100 mails of a conversation, and 10,000 altogether.',
    action: 'Take corrections back that are not needed any more',
  },
  INBOX_NOT_FOUND: { kind: 'not_found', sentence: 'There is no such inbox.', action: 'Check the inbox' },
  INBOX_EXISTS: { kind: 'conflict', sentence: 'This address is connected already.', action: 'Reconnect it instead' },
  ADDRESS_OF_INBOX: {
    kind: 'conflict',
    sentence: 'One of these addresses is an address of another inbox here: it counts as your own by that already.',
    action: 'Leave it out',
  },
  ADDRESS_OF_CONTACT: {
    kind: 'conflict',
    sentence: 'One of these addresses is a contact’s, with mail on the timeline; own addresses are nobody’s contacts.',
    action: 'Leave it out; if it is your own, delete that mail from its timeline first',
  },
  INBOX_REMOVED: { kind: 'gone', sentence: 'The inbox was removed.', action: 'Connect it again' },
  INBOX_PAUSED: { kind: 'gone', sentence: 'The inbox is paused.', action: 'Resume' },
  FOLDER_MISSING: {
    kind: 'not_found',
    sentence: 'The mailbox has no folder of a name that its settings give: nothing in it is seen.',
    action: 'Choose the folders again',
  },
  INBOX_SIGNED_IN: {
    kind: 'conflict',
    sentence: 'This inbox signs in at the page of its provider, which decides on its servers.',
    action: 'Sign in there again, or give both sides a password',
  },
  NOT_DISCONNECTED: { kind: 'conflict', sentence: 'The inbox needs no new password.', action: '' },
  LINK_VOID: {
    kind: 'not_found',
    sentence: 'This link is not good any more: it was used, has become too old, or the inbox was reconnected.',
    action: 'Ask for a new link',
  },
  LINK_ATTEMPTS: {
    kind: 'busy',
    sentence: 'Too many passwords were tried by this link.',
    action: 'Wait an hour',
  },
  INBOX_NEEDS_RECONNECT: { kind: 'gone', sentence: 'The inbox waits for its new password.', action: 'Reconnect' },
  API_KEYS_MANY: { kind: 'conflict', sentence: 'There are 100 API keys already, which is as many as may be.', action: 'End one' },
  API_KEY_OWN: {
    kind: 'conflict',
    sentence: 'This is the key that you ask with: end it with another one.',
    action: 'Make another key first',
  },
  ...webhookCatalogue,
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;

/** What a code says, or undefined for one that is not of this catalogue. Reasons why something is not kept travel in lower case. */
export function explain(code: string): CatalogueEntry | undefined {
  const name = code.toUpperCase();
  return Object.hasOwn(catalogue, name) ? catalogue[name as ErrorCode] : undefined;
}

/** The refusal of this code, in its own sentence. */
export function faultOf(code: ErrorCode, retryAfterMs?: number): Fault {
  const { kind, sentence } = catalogue[code];
  return new Fault(kind, code, sentence, retryAfterMs);
}
