// An inbox as REST tells it: what connections knows of it, with what sync says of its progress.
import { z } from 'zod';
import type { Check, DiscoverResponse, Inbox, Server } from '@rejoinder/contracts/api/connections';
import { catalogue } from '@rejoinder/contracts/catalogue';
import type { GetProgressResponse, ListedFolder } from '@rejoinder/contracts/api/sync';
import { troublesOf, troubleSchema } from './inbox-troubles.js';
import { count, ids, nextCursor, optionalTime, reason, reasonText, sentenceOf, text, toTime } from './shapes.js';

const smtp = { host: 'smtp.example.com', port: 465, security: 'tls' };
const serverSchema = z.object({ host: text('imap.example.com'), port: count(993), security: text('tls') }).meta({ id: 'Server' });

export const discoveredSchema = z.object({
  imap: serverSchema.nullable(),
  smtp: serverSchema.nullable().meta({ examples: [smtp] }),
  provider: text('Fastmail').meta({ description: 'Empty where it is not known' }),
  hint: text('Fastmail takes an app password here, not the usual one.').meta({ description: 'What to know before one types a password' }),
  source: text('provider').meta({
    description: 'From where the servers are known: provider, autoconfig, ispdb, srv, mx or names; empty where they must be typed',
  }),
  sign_in: text('app_password').meta({
    description: 'How one signs in there: password, app_password or oauth; empty where it is not known',
  }),
  oauth_provider: text('').meta({ description: 'Whose page opens where sign_in is oauth; empty where none is set up' }),
  oauth_provider_name: text('').meta({ description: 'What the button says, such as Google in "Sign in with Google"' }),
  username: text('').meta({ description: 'What the servers know one by; empty where it is the address' }),
});
export const checkSchema = z
  .object({
    protocol: z.enum(['imap', 'smtp']),
    passed: z.boolean().meta({ examples: [true] }),
    code: reason,
    detail: reasonText,
    action: text('Choose TLS').meta({ description: 'What to type or choose instead; empty where nothing would help' }),
    server: text('imap.example.com:993'),
  })
  .meta({ id: 'Check' });
/** A refused login as the API's document shows it. */
export const verifyFailed = {
  code: 'VERIFY_FAILED',
  detail: `Nothing was stored. Receiving (IMAP), imap.example.com:993: ${catalogue.AUTH_REJECTED.sentence}`,
  checks: [
    {
      protocol: 'imap',
      passed: false,
      code: 'AUTH_REJECTED',
      detail: catalogue.AUTH_REJECTED.sentence,
      action: '',
      server: 'imap.example.com:993',
    },
    { protocol: 'smtp', passed: true, code: '', detail: '', action: '', server: 'smtp.example.com:465' },
  ],
};
const preflight = {
  capabilities: z.array(text('IDLE')).meta({ description: 'What the IMAP server says it can do' }),
  size_limit_bytes: count(36_700_160).meta({ description: 'Largest mail the SMTP server takes, as it says; 0 where it does not' }),
};
export const verifiedSchema = z.object({ checks: z.array(checkSchema), ...preflight });

export const linkSchema = z.object({
  path: text('/reconnect/3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA').meta({
    description: 'Whoever has it may give the inbox a new password',
  }),
  expires_at: optionalTime,
});

const compared = optionalTime.meta({ description: "When its mails were last compared with the mail server's one by one" });
const progressSchema = z
  .object({
    state: z.enum(['live', 'waiting', 'connecting', 'syncing', 'slowed', 'reconnecting', 'stopped']),
    reason,
    next_try_at: optionalTime.meta({ description: 'When it is tried again, if it waits', examples: [null] }),
    folders: z.array(z.object({ path: text('INBOX'), role: text('inbox'), seen: count(412), total: count(412), audited_at: compared })),
    seen: count(412).meta({ description: 'Mails whose headers were seen, of all folders that are looked at' }),
    total: count(412).meta({ description: 'Of so many; known from the start, so that the share only grows' }),
    left_seconds: count(40)
      .nullable()
      .meta({ description: 'While syncing: how long the rest takes at the rate so far; null before there is one' }),
    missing_folders: z
      .array(text('Customers'))
      .meta({ description: 'Folders of the settings that the mailbox does not have: nothing in them is seen', examples: [[]] }),
  })
  .meta({ id: 'Progress' });

export const inboxSchema = z
  .object({
    inbox_id: ids.inbox,
    address: text('ada@example.com'),
    display_name: text('Ada Example'),
    receiving: z.enum(['connected', 'needs_reconnect', 'paused']),
    receiving_reason: reason,
    sending: z.enum(['ready', 'needs_reconnect', 'paused']),
    sending_reason: reason,
    settings: z.object({
      capture: text('tracked'),
      attachments: z.boolean().meta({ examples: [true] }),
      history_days: count(30),
      log_folder: text('CRM'),
      capture_since: optionalTime.meta({ description: 'Where capture is all: of mail received from then on', examples: [null] }),
      folders: z.array(text('Customers')).meta({ description: 'Beside INBOX and Sent; empty for the usual ones' }),
      own_addresses: z.array(text('sales@example.com')).meta({ description: 'Of the mailbox beside its own: they count as your own' }),
    }),
    connected_at: optionalTime,
    imap: serverSchema.nullable(),
    smtp: serverSchema.nullable().meta({ examples: [smtp] }),
    oauth_provider: text('').meta({ description: 'At whose page its owner signed in; empty for a password' }),
    progress: progressSchema.nullable().meta({ description: 'null while it cannot be told' }),
    reason_text: reasonText,
    receiving_text: reasonText.meta({ description: 'Why receiving has stopped; empty while it works' }),
    sending_text: reasonText.meta({ description: 'Why sending has stopped; empty while it works' }),
    troubles: z.array(troubleSchema).meta({ description: 'What is wrong, with what support asks for; empty while both sides work' }),
  })
  .meta({ id: 'Inbox' });
/** An inbox that was just connected, with what its servers can do. */
export const connectedSchema = inboxSchema.extend(preflight).meta({ id: 'ConnectedInbox' });
export const foldersSchema = z.object({
  folders: z.array(
    z
      .object({
        path: text('Customers'),
        role: text('other').meta({ description: 'inbox, sent, archive, drafts, junk, trash, all or other' }),
        mails: count(412).nullable().meta({ description: 'null where the server does not tell with its list' }),
        looked_at: z.boolean().meta({ examples: [true] }),
        always: z.boolean().meta({ description: 'Looked at whatever is chosen', examples: [false] }),
      })
      .meta({ id: 'Folder' }),
  ),
});
export const inboxesSchema = z.object({ inboxes: z.array(inboxSchema), next_cursor: nextCursor });

export type InboxAnswer = z.infer<typeof inboxSchema>;

export function toInbox(inbox: Inbox, told: GetProgressResponse | undefined): InboxAnswer {
  const { settings } = inbox;
  const progress = told ? toProgress(told) : null;
  const reason = inbox.receivingReason || inbox.sendingReason || progress?.reason || '';
  return {
    inbox_id: inbox.inboxId,
    address: inbox.address,
    display_name: inbox.displayName,
    receiving: inbox.receiving as InboxAnswer['receiving'],
    receiving_reason: inbox.receivingReason,
    sending: inbox.sending as InboxAnswer['sending'],
    sending_reason: inbox.sendingReason,
    settings: {
      capture: settings?.capture || 'tracked',
      attachments: settings?.attachments ?? false,
      history_days: settings?.historyDays ?? 0,
      log_folder: settings?.logFolder ?? '',
      capture_since: toTime(settings?.captureSince),
      folders: settings?.folders ?? [],
      own_addresses: settings?.ownAddresses ?? [],
    },
    connected_at: toTime(inbox.connectedAt),
    imap: toServer(inbox.imap),
    smtp: toServer(inbox.smtp),
    oauth_provider: inbox.oauthProvider,
    progress,
    reason_text: sentenceOf(reason),
    receiving_text: sentenceOf(inbox.receivingReason),
    sending_text: sentenceOf(inbox.sendingReason),
    troubles: troublesOf(inbox, told),
  };
}

export const toServer = (server: Server | undefined) =>
  server ? { host: server.host, port: server.port, security: server.security } : null;

/** Nothing was found where it is undefined. */
export const toDiscovered = (found: DiscoverResponse | undefined): z.infer<typeof discoveredSchema> => ({
  imap: toServer(found?.imap),
  smtp: toServer(found?.smtp),
  provider: found?.provider ?? '',
  hint: found?.hint ?? '',
  source: found?.source ?? '',
  sign_in: found?.signIn ?? '',
  oauth_provider: found?.oauthProvider ?? '',
  oauth_provider_name: found?.oauthProviderName ?? '',
  username: found?.username ?? '',
});

export const toCheck = ({ protocol, passed, code, detail, action, server }: Check): z.infer<typeof checkSchema> => ({
  protocol: protocol as 'imap' | 'smtp',
  passed,
  code,
  detail,
  action,
  server,
});

function toProgress({
  state,
  reason,
  nextTryAt,
  folders,
  seen: all,
  total: of,
  leftSeconds,
  missingFolders,
}: GetProgressResponse): NonNullable<InboxAnswer['progress']> {
  return {
    state: (state || 'waiting') as NonNullable<InboxAnswer['progress']>['state'],
    reason,
    next_try_at: toTime(nextTryAt),
    folders: folders.map(({ path, role, seen, total, auditedAt }) => ({
      ...{ path, role, seen: Number(seen), total: Number(total), audited_at: toTime(auditedAt) },
    })),
    seen: Number(all),
    total: Number(of),
    left_seconds: leftSeconds === undefined ? null : Number(leftSeconds),
    missing_folders: missingFolders,
  };
}

export const toFolder = ({ path, role, mails, lookedAt, always }: ListedFolder): z.infer<typeof foldersSchema>['folders'][number] => ({
  path,
  role,
  mails: mails === undefined ? null : Number(mails),
  looked_at: lookedAt,
  always,
});
