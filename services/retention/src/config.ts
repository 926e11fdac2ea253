// The settings of this role: when it proves, and how long a deletion may wait.
import { numberSetting, type Values } from '@rejoinder/runtime/config';

export const settings = {
  proofHour: numberSetting('REJOINDER_PROOF_HOUR', 'hour of the day, UTC, of the nightly proof', { default: 3, min: 0, max: 23 }),
  answerSeconds: numberSetting('REJOINDER_PROOF_ANSWER_SECONDS', 'seconds that an owner is given to tell of its stores', {
    default: 5,
    min: 1,
    max: 60,
  }),
  forgetHours: numberSetting('REJOINDER_FORGET_HOURS', 'hours that a deletion asked for may wait before the proof fails', {
    default: 24,
    min: 1,
    max: 720,
  }),
};

export type RetentionSettings = Values<typeof settings>;
