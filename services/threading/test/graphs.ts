// Graphs for tests: mails by short names, made as a person would draw them or at random.
import fc from 'fast-check';
import type { GraphMail } from '../src/graph/graph.js';

/** A mail of a drawn graph; what is not said is nothing. */
export interface Drawn {
  name: string;
  /** Its Message-ID; by default its own name. */
  id?: string;
  cites?: string[];
  people?: string[];
  subject?: string;
  root?: GraphMail['root'];
  isReport?: boolean;
  carriesQuote?: boolean | null;
  /** What it was judged before. */
  verdict?: GraphMail['verdict'];
  isNeverLogged?: boolean;
  logsInternal?: boolean;
  isOfContact?: boolean;
  isSplit?: boolean;
  mergedInto?: string | null;
  isUnlogged?: boolean;
}

export function mail({
  name,
  id = name,
  cites = [],
  people = ['ann'],
  subject = 'offer',
  root = null,
  isReport = false,
  carriesQuote = null,
  verdict = 'untracked',
  isNeverLogged = false,
  logsInternal = false,
  isOfContact = false,
  isSplit = false,
  mergedInto = null,
  isUnlogged = false,
}: Drawn): GraphMail {
  return {
    tenantId: 'tenant',
    mailId: name,
    ids: [id],
    chain: cites,
    people,
    subject,
    isReport,
    carriesQuote,
    root,
    sendId: null,
    threadId: null,
    verdict,
    cut: 'no',
    answers: null,
    byContact: false,
    isNeverLogged,
    logsInternal,
    isOfContact,
    isSplit,
    mergedInto,
    isUnlogged,
    joined: 0,
    revision: 0,
    captureRevision: 0,
    capture: null,
    inboxIds: ['inbox'],
    historical: false,
    seenAt: '2026-11-24T00:00:00.000Z',
  };
}

/** A mail of a graph made at random: small numbers, so that mails meet. */
export interface Made {
  id: number;
  cites: number[];
  people: number[];
  isSecondSubject: boolean;
  root: 'sent' | 'logged' | null;
  isReport: boolean;
  /** What its text would tell, if it were asked. */
  quotes: boolean;
}

/** What a person says of the mail at a place, and in what order among everything else: before it is known, and whether it is taken back. */
export interface Wished {
  at: number;
  kind: 'split' | 'merge' | 'unlog';
  /** The place of the mail that it is put with; null where it is put with none. */
  into: number | null;
  isBefore: boolean;
  isTakenBack: boolean;
  order: number;
}

const ids = 12;
const people = 4;

/** Graphs with roots, forged and unseen ids, circles and people who come and go. */
export const madeGraphs = fc.array(
  fc.record<Made>({
    id: fc.nat(ids - 1),
    cites: fc.uniqueArray(fc.nat(ids - 1), { maxLength: 4 }),
    people: fc.uniqueArray(fc.nat(people - 1), { minLength: 0, maxLength: 2 }),
    isSecondSubject: fc.boolean(),
    root: fc.oneof(
      { weight: 6, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.constantFrom('sent' as const, 'logged' as const) },
    ),
    isReport: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    quotes: fc.boolean(),
  }),
  { minLength: 1, maxLength: 14 },
);

/** Of each mail one thing of a kind at most. */
export const wishes = fc.uniqueArray(
  fc.record<Wished>({
    at: fc.nat(13),
    kind: fc.constantFrom('split', 'merge', 'unlog'),
    into: fc.nat(13),
    isBefore: fc.boolean(),
    isTakenBack: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    order: fc.nat(6),
  }),
  { minLength: 1, maxLength: 6, selector: ({ at, kind }) => `${at} ${kind === 'unlog'}` },
);
