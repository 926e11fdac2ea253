// Settings of sending.
import { z } from 'zod';
import { Private } from '@rejoinder/base/private';
import { numberSetting, optionalSetting, type Setting, type Values } from '@rejoinder/runtime/config';
import { mailSettings } from '@rejoinder/runtime/mail-settings';

/** A user name and a password may stand in it. */
const noticesSmtp: Setting<Private<string> | undefined> = {
  env: 'REJOINDER_NOTICES_SMTP_URL',
  meaning:
    'SMTP relay by which owners of inboxes are told that one needs a new password: smtps://… (TLS) or smtp://… (STARTTLS); nobody is mailed if empty',
  schema: z
    .string()
    .optional()
    .refine((value) => !value || (/^smtps?:\/\//.test(value) && URL.canParse(value)), 'must be smtps://user:password@host:port or smtp://…')
    .transform((value) => (value ? new Private(value) : undefined)),
  secret: true,
};

export const settings = {
  ...mailSettings,
  sessions: numberSetting('REJOINDER_SENDING_SESSIONS', 'SMTP sessions at once in this process', { default: 20, min: 1, max: 500 }),
  answerSeconds: numberSetting('REJOINDER_SENDING_ANSWER_SECONDS', 'seconds that an SMTP server is given for each answer', {
    default: 120,
    min: 1,
    max: 120,
  }),
  noticesSmtp,
  noticesFrom: optionalSetting('REJOINDER_NOTICES_FROM', 'who these notices are from: an address, or Name <address>', {
    pattern: /^[^\r\n]*[^\s@<>]+@[^\s@<>]+>?$/,
    said: 'an address, or Name <address>',
  }),
  publicUrl: optionalSetting('REJOINDER_PUBLIC_URL', 'where people reach the gateway, for the links in notices', {
    pattern: /^https?:\/\/[^\s/]+[^\s]*$/,
    said: 'https://host',
  }),
};

export type SendingSettings = Values<typeof settings>;
