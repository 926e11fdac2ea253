// Puts re-addressed forwards, true forwards and answers beside the mails of a box: those that must leave the thread, and those that must stay.
import { parseAddresses } from '@rejoinder/mail/addresses';
import { firstValue, parseHeaders } from '@rejoinder/mail/headers';
import { canonicalMessageId, messageIds } from '@rejoinder/mail/message-id';
import { carriesQuote } from '@rejoinder/mail/quoting';
import { headerOf, partition, type Box, type CorpusMail } from './thread-corpora.js';
import { allAtOnce, ownAddress } from './thread-graph.js';

/** What a member of the team does with a mail of the box; each is answered by somebody who quotes, and that answer by us. */
export const variants = {
  v1: 'same subject behind "Fwd:", to somebody else, text removed',
  v2: 'new subject, to somebody else, text removed',
  v3: 'true forward to somebody else, with its text',
  v4: 'answer to all and one more, nothing quoted',
  v5: 'same subject behind "Re:", to somebody else, References alone, text removed',
  v6: 'answer to the same people under a new subject, nothing quoted',
  v7: 'mail among ourselves, which the next answer cites as well',
} as const;
export type Variant = keyof typeof variants;
export const leaving: readonly Variant[] = ['v1', 'v2', 'v5'];

export interface Injected {
  variant: Variant;
  parent: string;
  /** The mail, the answer to it, and our answer to that. */
  mails: CorpusMail[];
}

/** At most so many mails of a box get one of each variant. */
const maxParents = 25;

const plainText = 'Hello,\r\n\r\ncould you look at something else for me?\r\n';
const forwardedText =
  'See below.\r\n\r\n---------- Forwarded message ---------\r\nFrom: Somebody <somebody@list.example>\r\nSubject: it\r\n\r\nThe text.\r\n';
const answerText =
  'Gladly.\r\n\r\nOn Mon, 30 Nov 2026 at 10:00, Own <own@house.example> wrote:\r\n> Hello,\r\n>\r\n> could you look at it?\r\n';

/** The box with what was put into it, expected to fall apart into its own threads, the answers in them, and a thread for each mail that leaves. */
export async function withInjected(box: Box): Promise<{ box: Box; made: Injected[] }> {
  const { threads, tracked } = await allAtOnce(box);
  const made = inject(box, tracked);
  const left = made.filter(({ variant }) => leaving.includes(variant)).map(({ mails }) => mails.map(({ name }) => name));
  const grown = threads.map((thread) => {
    const names = thread.split(' ');
    const joined = made.filter(({ variant, parent }) => !leaving.includes(variant) && names.includes(parent));
    return [...names, ...joined.flatMap(({ mails }) => mails.map(({ name }) => name))];
  });
  const mails = [...box.mails, ...made.flatMap((one) => one.mails)];
  return { box: { ...box, mails, expected: partition([...grown, ...left]) }, made };
}

/** Of parents that bear an id and are tracked: of others no text may be read. */
function inject(box: Box, tracked: readonly string[]): Injected[] {
  const parents = box.mails.filter(({ name, header }) => tracked.includes(name) && idOf(header) !== undefined).slice(0, maxParents);
  return parents.flatMap((parent, at) => (Object.keys(variants) as Variant[]).map((variant) => injected(parent, variant, at)));
}

function injected(parent: CorpusMail, variant: Variant, at: number): Injected {
  const headers = parseHeaders(parent.header);
  const value = (name: string) => firstValue(headers, name) ?? '';
  const people = ['from', 'to', 'cc'].flatMap((name) => parseAddresses(value(name)).map(({ address }) => address));
  const subject = value('subject');
  const fresh = `fresh-${variant}-${at}@elsewhere.example`;
  const chain = [...messageIds(value('references')), ...messageIds(value('in-reply-to')), idOf(parent.header)!];
  // Old programs put the subject of what they forward into brackets.
  const forwarded = at % 2 === 0 || subject === '' ? `Fwd: ${subject}` : `[Fwd: ${subject}]`;
  const to = { v1: [fresh], v2: [fresh], v3: [fresh], v4: [...people, fresh], v5: [fresh], v6: people, v7: [ownAddress] }[variant];
  const subjects = {
    v1: forwarded,
    v2: 'Lunch',
    v3: forwarded,
    v4: `Re: ${subject}`,
    v5: `Re: ${subject}`,
    v6: 'Lunch',
    v7: `Re: ${subject}`,
  };
  const own = { from: ownAddress, to, subject: subjects[variant], chain, withoutInReplyTo: variant === 'v5' };
  const mail = written(`${variant}-${at}`, { ...own, text: variant === 'v3' ? forwardedText : plainText });
  const answerer = variant === 'v6' || variant === 'v7' ? people[0]! : fresh;
  const longer = [...chain, idOf(mail.header)!];
  const back = { subject: `Re: ${subjects[variant]}`, text: answerText };
  const answer = written(`${variant}-${at}-answer`, { ...back, from: answerer, to: [ownAddress], chain: longer });
  const again = written(`${variant}-${at}-again`, { ...back, from: ownAddress, to: [answerer], chain: [...longer, idOf(answer.header)!] });
  return { variant, parent: parent.name, mails: [mail, answer, again] };
}

interface Writing {
  from: string;
  to: string[];
  subject: string;
  chain: string[];
  withoutInReplyTo?: boolean;
  text: string;
}

function written(name: string, { from, to, subject, chain, withoutInReplyTo, text }: Writing): CorpusMail {
  const cited = chain.map((id) => `<${id}>`);
  const header = headerOf({
    From: from,
    To: to.join(', '),
    Date: 'Mon, 30 Nov 2026 10:00:00 +0000',
    Subject: subject,
    'Message-ID': `<${name}@injected.example>`,
    References: cited.join(' '),
    'In-Reply-To': withoutInReplyTo ? undefined : cited.at(-1),
  });
  return { name, header, isLogged: false, quotes: carriesQuote({ text }) };
}

const idOf = (header: Buffer): string | undefined => canonicalMessageId(firstValue(parseHeaders(header), 'message-id') ?? '');
