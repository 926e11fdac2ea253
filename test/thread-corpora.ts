// The shared corpora of threads as boxes of mails, each mail with its raw header, and the threads that each box is expected to hold.
import { corpusFiles, readCorpus } from '../libs/mail/test/corpus.js';

export const corpora = ['mail-threading', 'imaptest-thread', 'thread-skeletons'] as const;
export type Corpus = (typeof corpora)[number];

export interface CorpusMail {
  name: string;
  /** Header fields as a server would give them. */
  header: Buffer;
  /** The person put it into the log folder: a root. Of each expected thread the first is. */
  isLogged: boolean;
  /** What its text says, once it may be read. */
  quotes: boolean;
}

/** The mails of one mailbox: a case, a moment of a script, or a list. */
export interface Box {
  name: string;
  mails: CorpusMail[];
  /** Names of the mails of each thread, sorted and joined; the threads sorted. */
  expected: string[];
  /** What is said of it beside the threads. */
  others: Record<string, string[]>;
}

export function boxesOf(corpus: Corpus): Box[] {
  switch (corpus) {
    case 'mail-threading':
      return corpusFiles('mail-threading/conformance', /\.json$/).map(caseBox);
    case 'imaptest-thread':
      return corpusFiles('imaptest-thread', /thread[^.]*$/).flatMap(scriptBoxes);
    case 'thread-skeletons':
      return corpusFiles('thread-skeletons', /\.jsonl$/).map(listBox);
  }
}

/** Groups of names in one spelling, so that two of them can be compared. */
export function partition(groups: Iterable<readonly string[]>): string[] {
  return [...groups]
    .filter((group) => group.length > 0)
    .map((group) => group.toSorted().join(' '))
    .sort();
}

/** The first two corpora name nobody, and a mail that names nobody cannot be re-addressed. */
const nobodyNamed = { From: 'author@list.example', To: 'list@list.example' };

export function headerOf(fields: Record<string, string | undefined>): Buffer {
  const lines = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
  return Buffer.from(`${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
}

interface Case {
  name: string;
  input: { id: string; message_id: string | null; in_reply_to: string | null; references: string[]; subject: string; date: string }[];
  expected: { threads: { messages: string[] }[] };
}

function caseBox(path: string): Box {
  const { name, input, expected } = JSON.parse(readCorpus(path).toString('utf8')) as Case;
  const mails = input.map(({ id, message_id, in_reply_to, references, subject, date }): CorpusMail => {
    const ids = { 'Message-ID': message_id ?? undefined, 'In-Reply-To': in_reply_to ?? undefined, References: references.join(' ') };
    const header = headerOf({ ...nobodyNamed, Date: new Date(date).toUTCString(), Subject: subject, ...ids });
    return { name: id, header, isLogged: false, quotes: false };
  });
  return box(name, mails, partition(expected.threads.map(({ messages }) => messages)));
}

/** One box for each answer to THREAD in the script: the mails that are there by then, each called by its place in the file. */
function scriptBoxes(path: string): Box[] {
  const script = readCorpus(path).toString('latin1').split(/\r?\n/);
  const texts = readCorpus(`${path}.mbox`)
    .toString('latin1')
    .split(/^From .*\n/m)
    .slice(1);
  const mails = texts.map((text, at): CorpusMail => {
    const block = text.slice(0, text.search(/^\n/m)).trimEnd();
    const header = Buffer.from(
      `${block === '' ? '' : `${block}\n`}${headerOf(nobodyNamed).toString()}`.replaceAll(/\r?\n/g, '\r\n'),
      'latin1',
    );
    return { name: String(at + 1), header, isLogged: false, quotes: false };
  });
  const boxes: Box[] = [];
  const toAppend = script.includes('messages: all') ? [] : [...mails];
  let [there, deleted] = [mails.filter((mail) => !toAppend.includes(mail)), [] as CorpusMail[]];
  for (const line of script) {
    if (line === 'ok append') there = [...there, toAppend.shift()!];
    const store = /^ok store ([\d,]+) \+flags \\deleted/.exec(line);
    if (store) deleted = store[1]!.split(',').map((number) => there[Number(number) - 1]!);
    if (line === 'ok expunge') there = there.filter((mail) => !deleted.includes(mail));
    const answer = /^\* thread (.*)$/i.exec(line)?.[1];
    if (answer === undefined) continue;
    const expected = topLevel(answer).map((numbers) => numbers.map((number) => there[number - 1]!.name));
    boxes.push(box(`${path.split('/')[1]!}, answer ${boxes.length + 1}`, there, partition(expected)));
  }
  return boxes;
}

/** Numbers in each outermost pair of brackets. */
function topLevel(answer: string): number[][] {
  const threads: number[][] = [];
  let depth = 0;
  for (const [token] of answer.matchAll(/[()]|\d+/g)) {
    if (token === '(' && depth++ === 0) threads.push([]);
    else if (token === ')') depth--;
    else if (token !== '(') threads.at(-1)!.push(Number(token));
  }
  return threads;
}

interface Skeleton {
  id: string;
  date: number;
  references: string[];
  inReplyTo: string[];
  subject: string;
  from: string[];
  participants: string[];
  quotesParent: boolean | null;
  expected: Record<'components' | 'notmuch' | 'dovecot_refs' | 'dovecot_references', string>;
}

function listBox(path: string): Box {
  const lines = readCorpus(path).toString('utf8').trim().split('\n');
  const skeletons = lines.map((line) => JSON.parse(line) as Skeleton).toSorted((one, other) => one.date - other.date);
  const threadsBy = (method: keyof Skeleton['expected']) =>
    partition([...Map.groupBy(skeletons, (one) => one.expected[method]).values()].map((group) => group.map(({ id }) => id)));
  const mails = skeletons.map((one): CorpusMail => {
    return { name: one.id, header: headerOfSkeleton(one), isLogged: false, quotes: one.quotesParent === true };
  });
  const others = { notmuch: threadsBy('notmuch'), REFS: threadsBy('dovecot_refs'), REFERENCES: threadsBy('dovecot_references') };
  return box(path.split('/')[1]!.replace('.jsonl', ''), mails, threadsBy('components'), others);
}

function box(name: string, mails: CorpusMail[], expected: string[], others: Box['others'] = {}): Box {
  const threadOf = new Map(expected.flatMap((thread) => thread.split(' ').map((one) => [one, thread])));
  const firsts = new Set([...Map.groupBy(mails, (mail) => threadOf.get(mail.name)).values()].map(([first]) => first));
  return { name, mails: mails.map((mail) => ({ ...mail, isLogged: firsts.has(mail) })), expected, others };
}

function headerOfSkeleton({ id, date, references, inReplyTo, subject, from, participants }: Skeleton): Buffer {
  const inBrackets = (ids: readonly string[]) => ids.map((one) => `<${one}>`).join(' ');
  return headerOf({
    From: from.join(', '),
    To: participants.filter((one) => !from.includes(one)).join(', '),
    Date: new Date(date * 1_000).toUTCString(),
    Subject: subject.replaceAll('\n', '\r\n'),
    'Message-ID': inBrackets([id]),
    References: inBrackets(references),
    'In-Reply-To': inBrackets(inReplyTo),
  });
}
