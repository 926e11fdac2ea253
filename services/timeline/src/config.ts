// Settings of timeline alone.
import { numberSetting } from '@rejoinder/runtime/config';

export const settings = {
  htmlDeadlineMs: numberSetting(
    'REJOINDER_HTML_DEADLINE_MS',
    'milliseconds that the HTML of one mail may take to be cleaned; beyond them only its text is kept',
    {
      default: 2_000,
      min: 10,
      max: 10_000,
    },
  ),
};
