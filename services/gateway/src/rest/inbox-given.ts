// What REST takes of an inbox: logins, settings, and which of them are looked for.
import { z } from 'zod';
import { addressText, nameText, pageOf } from './shapes.js';

const maxHost = 253;
const maxPassword = 1_000;
const maxUsername = 320;
const maxFolder = 255;
const maxFolders = 200;
const maxOwnAddresses = 20;
const maxQuery = 200;
const maxHistoryDays = 3_650;

const host = 'imap.example.com';
const smtp = { host: 'smtp.example.com', port: 465, security: 'tls' };
const port = z
  .int()
  .min(1)
  .max(65_535)
  .meta({ examples: [993] });
const security = z.enum(['tls', 'starttls']);
/** What a person typed; what a service tells is not checked again. */
const typedServer = z.strictObject({
  host: z
    .string()
    .trim()
    .min(1)
    .max(maxHost)
    .meta({ examples: [host] }),
  port,
  security,
});

const password = z
  .string()
  .min(1)
  .max(maxPassword)
  .meta({ examples: ['an app password'] });
const login = {
  address: addressText,
  username: z
    .string()
    .max(maxUsername)
    .optional()
    .meta({ description: 'Left out, it is the address', examples: ['ada@example.com'] }),
  password,
  imap: typedServer,
  smtp: typedServer.meta({ examples: [smtp] }),
};

/** As a person gives them; what is left out is the default at first, and stays as it is later. */
const givenSettings = z.strictObject({
  capture: z
    .enum(['tracked', 'all'])
    .optional()
    .meta({
      description: 'tracked: mail of the CRM and what answers it; all: mail from or to a contact too',
      examples: ['tracked'],
    }),
  capture_since: z
    .string()
    .refine((text) => !Number.isNaN(Date.parse(text)), 'must be a time, such as 2026-11-24T09:41:07Z')
    .optional()
    .meta({
      format: 'date-time',
      description: 'With all: how far it reaches back, at most as long as headers are kept; left out, not at all',
      examples: ['2026-11-24T09:41:07.120Z'],
    }),
  attachments: z
    .boolean()
    .optional()
    .meta({ description: 'Whether attachments are logged', examples: [true] }),
  history_days: z
    .int()
    .min(0)
    .max(maxHistoryDays)
    .optional()
    .meta({ description: 'How far back headers are read; 0 is everything', examples: [30] }),
  log_folder: z
    .string()
    .max(maxFolder)
    .optional()
    .meta({ description: 'What is put into this folder is logged', examples: ['CRM'] }),
  folders: z
    .array(z.string().min(1).max(maxFolder))
    .max(maxFolders)
    .optional()
    .meta({ description: 'Folders to look at beside INBOX and Sent; an empty list is the usual ones', examples: [['Customers']] }),
  own_addresses: z
    .array(addressText)
    .max(maxOwnAddresses)
    .optional()
    .meta({ description: 'Aliases and addresses that the mailbox sends as: they count as your own', examples: [['sales@example.com']] }),
});

export const discoverBody = z.strictObject({ address: addressText });
export const verifyBody = z.strictObject(login);
export const connectBody = z.strictObject({
  ...login,
  display_name: nameText.optional(),
  settings: givenSettings.optional(),
});
export const inboxesQuery = pageOf(200).extend({
  query: z
    .string()
    .max(maxQuery)
    .default('')
    .meta({ description: 'Part of the address or of the name', examples: ['ada'] }),
  state: z
    .enum(['working', 'needs_reconnect', 'paused'])
    .optional()
    .meta({
      description: 'Those of which both sides work, a side needs a new credential, or that are paused',
      examples: ['needs_reconnect'],
    }),
});
/** What is left out stays. */
export const inboxPatch = z.strictObject({ settings: givenSettings });
export const reconnectBody = z.strictObject({ password });

/** What is left out stays. */
const sideChange = z.strictObject({
  server: typedServer.optional(),
  username: z
    .string()
    .min(1)
    .max(maxUsername)
    .optional()
    .meta({ examples: ['ada@example.com'] }),
  password: password.optional().meta({ description: 'Must be given with another host: the saved one is not sent to it' }),
});
export const loginPatch = z.strictObject({
  imap: sideChange.optional().meta({ description: 'Of receiving' }),
  smtp: sideChange.optional().meta({ description: 'Of sending' }),
});

export type LoginPatch = z.infer<typeof loginPatch>;
export type VerifyBody = z.infer<typeof verifyBody>;
export type ConnectBody = z.infer<typeof connectBody>;
export type InboxPatch = z.infer<typeof inboxPatch>;
