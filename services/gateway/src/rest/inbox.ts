// An inbox as REST tells it: what connections knows of it, with what sync says of its progress.
import { z } from 'zod';
import type { Check, Inbox, Server } from '@rejoinder/contracts/api/connections';
import type { GetProgressResponse } from '@rejoinder/contracts/api/sync';
import { addressText, id, nameText, nextCursor, optionalTime, sentenceOf, toTime } from './shapes.js';

const maxHost = 253;
const maxPassword = 1_000;
const maxUsername = 320;
const maxFolder = 255;
const maxHistoryDays = 3_650;

const port = z.int().min(1).max(65_535);
const security = z.enum(['tls', 'starttls']);
/** What a person typed; what a service tells is not checked again. */
const typedServer = z.strictObject({ host: z.string().trim().min(1).max(maxHost), port, security });
const serverSchema = z.object({ host: z.string(), port: z.int(), security: z.string() }).meta({ id: 'Server' });

const password = z.string().min(1).max(maxPassword);
const login = {
  address: addressText,
  username: z.string().max(maxUsername).optional(),
  password,
  imap: typedServer,
  smtp: typedServer,
};

export const discoverBody = z.strictObject({ address: addressText });
export const verifyBody = z.strictObject(login);
export const connectBody = z.strictObject({
  ...login,
  display_name: nameText.optional(),
  settings: z
    .strictObject({
      attachments: z.boolean().optional(),
      history_days: z.int().min(0).max(maxHistoryDays).optional(),
      log_folder: z.string().max(maxFolder).optional(),
    })
    .optional(),
});
export const reconnectBody = z.strictObject({ password });

export type VerifyBody = z.infer<typeof verifyBody>;
export type ConnectBody = z.infer<typeof connectBody>;

export const discoveredSchema = z.object({
  imap: serverSchema.nullable(),
  smtp: serverSchema.nullable(),
  provider: z.string(),
  hint: z.string(),
});
export const checkSchema = z
  .object({ protocol: z.enum(['imap', 'smtp']), passed: z.boolean(), code: z.string(), detail: z.string() })
  .meta({ id: 'Check' });
export const verifiedSchema = z.object({ checks: z.array(checkSchema), capabilities: z.array(z.string()) });

const progressSchema = z
  .object({
    state: z.enum(['waiting', 'connecting', 'syncing', 'live', 'slowed', 'reconnecting', 'stopped']),
    reason: z.string(),
    next_try_at: optionalTime,
    folders: z.array(z.object({ path: z.string(), role: z.string(), seen: z.int(), total: z.int() })),
  })
  .meta({ id: 'Progress' });

export const inboxSchema = z
  .object({
    inbox_id: id,
    address: z.string(),
    display_name: z.string(),
    receiving: z.enum(['connected', 'needs_reconnect', 'paused']),
    receiving_reason: z.string(),
    sending: z.enum(['ready', 'needs_reconnect', 'paused']),
    sending_reason: z.string(),
    settings: z.object({ capture: z.string(), attachments: z.boolean(), history_days: z.int(), log_folder: z.string() }),
    connected_at: optionalTime,
    imap: serverSchema.nullable(),
    smtp: serverSchema.nullable(),
    progress: progressSchema.nullable().meta({ description: 'null while it cannot be told' }),
    reason_text: z.string().meta({ description: 'One sentence for a person, of whichever reason applies; else empty' }),
  })
  .meta({ id: 'Inbox' });
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
    },
    connected_at: toTime(inbox.connectedAt),
    imap: toServer(inbox.imap),
    smtp: toServer(inbox.smtp),
    progress,
    reason_text: sentenceOf(reason),
  };
}

export const toServer = (server: Server | undefined) =>
  server ? { host: server.host, port: server.port, security: server.security } : null;

export const toCheck = ({ protocol, passed, code, detail }: Check): z.infer<typeof checkSchema> => ({
  protocol: protocol as 'imap' | 'smtp',
  passed,
  code,
  detail,
});

function toProgress({ state, reason, nextTryAt, folders }: GetProgressResponse): NonNullable<InboxAnswer['progress']> {
  return {
    state: (state || 'waiting') as NonNullable<InboxAnswer['progress']>['state'],
    reason,
    next_try_at: toTime(nextTryAt),
    folders: folders.map(({ path, role, seen, total }) => ({ path, role, seen: Number(seen), total: Number(total) })),
  };
}
