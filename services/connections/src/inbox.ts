// The states of an inbox and how they change: each change says what becomes of both sides and which events tell of it.

export type Receiving = 'connected' | 'needs_reconnect' | 'paused';
export type Sending = 'ready' | 'needs_reconnect' | 'paused';

/** A paused side keeps the reason for which it needed a new password, so that resuming does not forget it. */
export interface InboxState {
  receiving: Receiving;
  receivingReason: string;
  sending: Sending;
  sendingReason: string;
}

/** What is told of a change, in this order. */
export type Told = { kind: 'paused' } | { kind: 'reconnected' } | { kind: 'disconnected'; side: 'receiving' | 'sending'; reason: string };

export interface Change {
  state: InboxState;
  told: Told[];
}

export const working: InboxState = { receiving: 'connected', receivingReason: '', sending: 'ready', sendingReason: '' };

const isPaused = (state: InboxState) => state.receiving === 'paused';

/** Undefined where nothing changes. */
export function pause(state: InboxState): Change | undefined {
  if (isPaused(state)) return undefined;
  return { state: { ...state, receiving: 'paused', sending: 'paused' }, told: [{ kind: 'paused' }] };
}

/** A side that needed a new password before the pause needs it still. */
export function resume(state: InboxState): Change | undefined {
  if (!isPaused(state)) return undefined;
  const next: InboxState = {
    ...state,
    receiving: state.receivingReason ? 'needs_reconnect' : 'connected',
    sending: state.sendingReason ? 'needs_reconnect' : 'ready',
  };
  const told: Told[] = [];
  // Reconnected first: it says that both sides work, and what does not work follows.
  if (!state.receivingReason || !state.sendingReason) told.push({ kind: 'reconnected' });
  if (state.receivingReason) told.push({ kind: 'disconnected', side: 'receiving', reason: state.receivingReason });
  if (state.sendingReason) told.push({ kind: 'disconnected', side: 'sending', reason: state.sendingReason });
  return { state: next, told };
}

/** The credential is worth nothing any more, on either side; a paused inbox says so once it is resumed. */
export function revoke(state: InboxState, reason: string): Change {
  if (isPaused(state)) return { state: { ...state, receivingReason: reason, sendingReason: reason }, told: [] };
  const told: Told[] = [];
  if (state.receiving === 'connected') told.push({ kind: 'disconnected', side: 'receiving', reason });
  if (state.sending === 'ready') told.push({ kind: 'disconnected', side: 'sending', reason });
  return { state: { receiving: 'needs_reconnect', receivingReason: reason, sending: 'needs_reconnect', sendingReason: reason }, told };
}

/** A new credential works on both servers; a paused inbox stays paused and uses it once it is resumed. */
export function reconnect(state: InboxState): Change {
  if (isPaused(state)) return { state: { ...state, receivingReason: '', sendingReason: '' }, told: [] };
  return { state: working, told: [{ kind: 'reconnected' }] };
}
