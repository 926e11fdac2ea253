// What the list of held mails shows of one, as its header has it, which may be a lie.
import { firstValue, type MailHeaders } from '@rejoinder/mail/headers';
import { collapse } from '@rejoinder/mail/raw-text';
import { decodeWords } from '../inbox/decode-words.js';

export interface Summary {
  from: string;
  subject: string;
}

const maxShown = 1_000;

export function summaryOf(headers: MailHeaders): Summary {
  const shown = (name: string) =>
    collapse(decodeWords(firstValue(headers, name) ?? ''))
      .slice(0, maxShown)
      .toWellFormed();
  return { from: shown('from'), subject: shown('subject') };
}
