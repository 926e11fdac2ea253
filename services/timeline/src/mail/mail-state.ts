// What is known of one mail, folded from events in whatever order and however often they come.

/** Where the mail's facts and text come from. */
export type Source = 'sync' | 'sending';

export type TextState = 'none' | 'pending' | 'ready' | 'failed' | 'gone';

/** Of a send, each later one settling the one before it. */
export const sendStates = ['accepted', 'unconfirmed', 'failed', 'sent'] as const;
export type SendState = (typeof sendStates)[number];

export interface MailState {
  tenantId: string;
  mailId: string;
  /** When it was first heard of; never changes. */
  knownSince: string;
  version: number;
  source: Source | null;
  sendId: string | null;
  inboxId: string | null;
  threadId: string | null;
  kind: string;
  occurredAt: string | null;
  sentAt: string | null;
  sendState: SendState | '';
  sendReason: string;
  sendRevision: number;
  /** Sealed bytes as \x.. text. */
  sealedFacts: string | null;
  sealedText: string | null;
  textState: TextState;
  textTruncated: boolean;
  trackedRevision: number;
  untrackedRevision: number;
  capturedRevision: number;
  /** Null until it was placed. */
  direction: 'in' | 'out' | null;
  toPlace: boolean;
  forgotten: boolean;
  historical: boolean;
  /** Tracked for its contacts: of the others on it none is made. */
  knownOnly: boolean;
  /** Of the last word on why it is tracked. */
  reasonRevision: number;
}

/** What an event says of a mail. */
export type Told =
  | {
      kind: 'captured';
      revision: number;
      threadId: string | null;
      inboxId: string;
      mailKind: string;
      occurredAt: string;
      textTruncated: boolean;
      sealedFacts: string;
      historical: boolean;
    }
  | { kind: 'accepted'; sendId: string; inboxId: string; occurredAt: string; sealedFacts: string }
  | { kind: 'send'; revision: number; state: SendState; reason: string; sentAt: string | null; sendId: string; inboxId: string }
  | { kind: 'tracked'; revision: number; threadId: string; knownOnly: boolean }
  | { kind: 'untracked'; revision: number };

/** Whether the mail belongs on a timeline. Our own sends always do; others while they are tracked and read since they were last withdrawn. */
export function isVisible(mail: MailState): boolean {
  if (mail.forgotten || mail.sealedFacts === null) return false;
  if (mail.source === 'sending') return true;
  return mail.trackedRevision > mail.untrackedRevision && mail.capturedRevision >= mail.untrackedRevision;
}

/** Why a mail without an engagement has none; empty while it may yet get one. */
export function whyNowhere(mail: MailState): 'no_contact' | 'forgotten' | '' {
  if (mail.forgotten) return 'forgotten';
  return isVisible(mail) && !mail.toPlace ? 'no_contact' : '';
}

/** Folds what is told into what is known; a forgotten mail learns nothing any more. */
export function learn(mail: MailState, told: Told): MailState {
  if (mail.forgotten) return mail;
  const next = folded(mail, told);
  const isSeen = isVisible(next);
  const isNew = isSeen !== isVisible(mail) || (isSeen && (next.source !== mail.source || mail.sealedFacts === null));
  return { ...withdrawn(next), toPlace: mail.toPlace || isNew };
}

function folded(mail: MailState, told: Told): MailState {
  switch (told.kind) {
    case 'captured':
      return captured(mail, told);
    case 'accepted':
      return accepted(mail, told);
    case 'send':
      return settled(mail, told);
    case 'tracked':
      return tracked(mail, told);
    case 'untracked':
      return { ...mail, untrackedRevision: Math.max(mail.untrackedRevision, told.revision) };
  }
}

/** Why it is tracked stands apart from that it is: a capture says the one and not the other, and may come first. */
function tracked(mail: MailState, told: Extract<Told, { kind: 'tracked' }>): MailState {
  const trackedRevision = Math.max(mail.trackedRevision, told.revision);
  const reason = told.revision > mail.reasonRevision ? { knownOnly: told.knownOnly, reasonRevision: told.revision } : {};
  return { ...mail, ...threadOf(mail, told), ...reason, trackedRevision };
}

/** That it was captured says that it was tracked by then. Facts are the same each time, so only the first after a withdrawal are kept. */
function captured(mail: MailState, told: Extract<Told, { kind: 'captured' }>): MailState {
  const trackedRevision = Math.max(mail.trackedRevision, told.revision);
  const capturedRevision = Math.max(mail.capturedRevision, told.revision);
  const known = { ...mail, ...threadOf(mail, told), trackedRevision, capturedRevision };
  if (told.revision < mail.untrackedRevision || mail.source === 'sending') return known;
  const { inboxId, mailKind: kind, occurredAt, textTruncated, historical } = told;
  const first = { source: 'sync' as const, inboxId, kind, occurredAt, textTruncated, sealedFacts: told.sealedFacts, historical };
  return { ...known, ...(mail.sealedFacts === null ? first : {}) };
}

/** What our own sender says of a mail stands over what an inbox shows of it. */
function accepted(mail: MailState, { sendId, inboxId, occurredAt, sealedFacts }: Extract<Told, { kind: 'accepted' }>): MailState {
  const sendState = mail.sendState === '' ? 'accepted' : mail.sendState;
  if (mail.source === 'sending' && mail.sealedFacts !== null) return { ...mail, sendState };
  const text = mail.source === 'sync' ? { sealedText: null, textState: 'none' as const, textTruncated: false } : {};
  return { ...mail, ...text, source: 'sending', sendId, inboxId, kind: 'person', occurredAt, sealedFacts, sendState, historical: false };
}

/** The highest revision counts; where revisions are equal, what settles more. */
function settled(mail: MailState, told: Extract<Told, { kind: 'send' }>): MailState {
  const rank = (state: SendState | '') => sendStates.indexOf(state as SendState);
  const isNewer = told.revision > mail.sendRevision || (told.revision === mail.sendRevision && rank(told.state) > rank(mail.sendState));
  if (!isNewer) return mail;
  return { ...mail, sendId: told.sendId, sendState: told.state, sendReason: told.reason, sendRevision: told.revision, sentAt: told.sentAt };
}

/** The thread by the highest revision; at the same revision the lower name, so that the order of two events does not count. */
function threadOf(mail: MailState, { revision, threadId }: { revision: number; threadId: string | null }): Pick<MailState, 'threadId'> {
  if (threadId === null || revision < mail.trackedRevision) return { threadId: mail.threadId };
  if (revision > mail.trackedRevision || mail.threadId === null) return { threadId };
  return { threadId: threadId < mail.threadId ? threadId : mail.threadId };
}

/** What was read before the last withdrawal is no longer kept. */
function withdrawn(mail: MailState): MailState {
  if (mail.source !== 'sync' || mail.capturedRevision >= mail.untrackedRevision) return mail;
  return { ...mail, ...unread };
}

const unread = {
  source: null,
  inboxId: null,
  kind: 'person',
  occurredAt: null,
  sealedFacts: null,
  sealedText: null,
  textState: 'none',
  textTruncated: false,
  historical: false,
} as const satisfies Partial<MailState>;
