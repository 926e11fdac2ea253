// Settings of sending.
import { numberSetting, type Values } from '@rejoinder/runtime/config';
import { mailSettings } from '@rejoinder/runtime/mail-settings';

export const settings = {
  ...mailSettings,
  sessions: numberSetting('REJOINDER_SENDING_SESSIONS', 'SMTP sessions at once in this process', { default: 20, min: 1, max: 500 }),
  answerSeconds: numberSetting('REJOINDER_SENDING_ANSWER_SECONDS', 'seconds that an SMTP server is given for each answer', {
    default: 120,
    min: 1,
    max: 120,
  }),
};

export type SendingSettings = Values<typeof settings>;
