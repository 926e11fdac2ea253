// Settings of threading alone.
import { numberSetting } from '@rejoinder/runtime/config';

export const settings = {
  findMinutes: numberSetting('REJOINDER_FIND_MINUTES', 'minutes that inboxes are searched for a tracked Message-ID that nobody has seen', {
    default: 10,
    min: 1,
    max: 1_440,
  }),
};
