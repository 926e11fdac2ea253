// Quotes and senders of real mails in many languages and of many mail servers.
import { describe, expect, it } from 'vitest';
import { type MailKind, classify } from '../src/automatic.js';
import { parseHeaders } from '../src/headers.js';
import { newTextOf } from '../src/new-text.js';
import { carriesQuote } from '../src/quoting.js';
import { corporaExist, corpusFiles, readCorpus } from './corpus.js';

const text = (path: string) => readCorpus(path).toString('utf8');
const folder = 'email-reply-trimmer';
const emails = corpusFiles(`${folder}/emails`, /\.txt$/);

/** What the trimmer elides there is a signature: no quote by the rules here. */
const NO_QUOTE = ['delimiters.txt', 'signatures.txt', 'usenet.txt'];

describe.runIf(corporaExist)('of the bodies of the reply trimmer', () => {
  it('all with a quoted rest carry a quote, in thirteen languages', () => {
    const silent = emails.filter((path) => !NO_QUOTE.some((name) => path.endsWith(`/${name}`)) && !carriesQuote({ text: text(path) }));
    const withRest = silent.filter((path) => text(path.replace('/emails/', '/elided/')).trim() !== '');
    expect(emails.length).toBeGreaterThan(60);
    expect(withRest).toEqual([]);
  });

  it('what was written anew carries none, but for quotes that are answered in place', () => {
    const trimmed = corpusFiles(`${folder}/trimmed`, /\.txt$/);
    const quoting = trimmed.filter((path) => carriesQuote({ text: text(path) }) && !/^\s*>/m.test(text(path)));
    expect(quoting).toEqual([]);
  });

  it('the new part is the one that is wanted, but for white space', () => {
    const wanted = (path: string) => text(path.replace('/emails/', '/trimmed/'));
    const folded = (all: string) => all.replace(/\s+/g, ' ').trim();
    const found = new Map(emails.map((path) => [path, newTextOf(text(path))]));
    const linesOf = (all: string) => all.split(/\r?\n/).flatMap((line) => folded(line) || []);
    const lost = emails.flatMap((path) => linesOf(wanted(path)).filter((line) => !linesOf(found.get(path)!).includes(line)));
    expect(lost).toEqual([]);
    expect(emails.filter((path) => folded(found.get(path)!) !== folded(wanted(path)))).toEqual([]);
  });
});

interface Labelled {
  file: string;
  recipients: { reason: string }[];
}

/** No mark in any header that would not also stand in a person's mail; the gate reads nothing of them, and so must we not guess. */
const UNMARKED = ['lhost-amazonses-13', 'lhost-interscanmss-01', 'lhost-kddi-01', 'lhost-kddi-02', 'lhost-kddi-03', 'lhost-verizon-02'];

describe.runIf(corporaExist)('of the labelled bounces', () => {
  const labels = corporaExist
    ? text('sisimai-bounces/labels.jsonl')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Labelled)
    : [];
  const wanted: Record<string, MailKind> = { feedback: 'feedback_report', vacation: 'auto_reply' };

  it('all that a header marks are told, vacation and feedback apart', () => {
    const missed = labels.filter(({ file, recipients }) => {
      const kind = classify(parseHeaders(readCorpus(`sisimai-bounces/eml/${file}`)));
      return kind !== (wanted[recipients[0]?.reason ?? ''] ?? 'delivery_report');
    });
    expect(labels).toHaveLength(265);
    expect(missed.map(({ file }) => file.replace('.eml', '')).sort()).toEqual(UNMARKED);
  });

  it('no mail of a person is taken for one', () => {
    const people = ['sisimai-bounces/not-bounce', 'mikel-mail', 'enmime/mail', 'enmime/low-quality', 'mail-parser', 'mime4j'];
    const taken = people
      .flatMap((each) => corpusFiles(each, /\.(eml|msg|raw)$/))
      .filter((path) => classify(parseHeaders(readCorpus(path))) === 'delivery_report');
    const real = /bounce|report|badbound|multipart-wo-boundary|mimepart_without_content_type/; // notices of mail servers indeed
    expect(taken.filter((path) => !real.test(path))).toEqual([]);
  });
});
