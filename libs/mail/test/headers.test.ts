// Every mail of the corpora goes through the rules that read headers.
import { describe, expect, it } from 'vitest';
import { parseAddresses } from '../src/addresses.js';
import { classify } from '../src/automatic.js';
import { chainOf } from '../src/chain.js';
import { dateSeconds } from '../src/date.js';
import { allValues, firstValue, parseHeaders } from '../src/headers.js';
import { identityText } from '../src/identity.js';
import { baseSubject } from '../src/subject.js';
import { corporaExist, corpusFiles, readCorpus } from './corpus.js';

const mails = ['mail-parser', 'mime4j', 'enmime', 'mikel-mail', 'sisimai-bounces'].flatMap((folder) =>
  corpusFiles(folder, /\.(eml|msg|raw)$/),
);

function facts(raw: Uint8Array | string) {
  const headers = parseHeaders(raw);
  const value = (name: string) => firstValue(headers, name);
  return {
    identity: identityText({
      messageId: value('message-id'),
      from: value('from'),
      date: value('date'),
      subject: value('subject'),
      to: value('to'),
    }),
    chain: chainOf({ messageId: value('message-id'), references: value('references'), inReplyTo: value('in-reply-to') }),
    people: ['from', 'to', 'cc'].map((name) => allValues(headers, name).flatMap((one) => parseAddresses(one).map(({ key }) => key))),
    subject: baseSubject(value('subject') ?? ''),
    kind: classify(headers),
  };
}

describe.runIf(corporaExist)('of the mails of the corpora', () => {
  it('there are hundreds', () => {
    expect(mails.length).toBeGreaterThan(500);
  });

  it('all are read without a throw', () => {
    for (const mail of mails) {
      const raw = readCorpus(mail);
      const { identity } = facts(raw);
      expect(identity, mail).toMatch(/^mail-(?:id|noid)\.v1\|/);
    }
  });

  it('all read the same with other line ends and other folding', () => {
    for (const mail of mails) {
      const text = readCorpus(mail).toString('latin1').replaceAll('\r\n', '\n').replaceAll('\r', ' ');
      const unfolded = text.slice(0, (text.indexOf('\n\n') + 1 || text.length + 1) - 1).replace(/\n(?=[ \t])/g, '');
      expect(facts(unfolded.replaceAll('\n', '\r\n')), mail).toEqual(facts(text));
    }
  });

  it('nearly all have a date, and none that reads otherwise than everywhere else', () => {
    const dates = mails.flatMap((mail) => firstValue(parseHeaders(readCorpus(mail)), 'date') ?? []);
    const unread = dates.filter((date) => dateSeconds(date) === undefined);
    expect(dates.length).toBeGreaterThan(450);
    expect(unread.length).toBeLessThanOrEqual(8);
    // Date.parse reads zones only where they are numeric, and guesses where they are not.
    for (const date of dates.filter((one) => /[+-]\d{4}/.test(one) && !Number.isNaN(Date.parse(one)))) {
      expect(dateSeconds(date), date).toBe(Date.parse(date) / 1000);
    }
  });

  it('nearly all that have a From have an author', () => {
    const authors = mails.flatMap((mail) => {
      const values = allValues(parseHeaders(readCorpus(mail)), 'from').filter((value) => /[^\s<>]@[^\s<>]/.test(value));
      return values.map((value) => ({ mail, value, found: parseAddresses(value).length }));
    });
    const lost = authors.filter((one) => one.found === 0).map((one) => one.value);
    expect(lost.length, lost.join('\n')).toBeLessThanOrEqual(3);
  });
});
