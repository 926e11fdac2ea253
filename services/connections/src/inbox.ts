// The states of an inbox and how they change: each change says what becomes of both sides and which events tell of it.

export type Receiving = 'connected' | 'needs_reconnect' | 'paused';
export type Sending = 'ready' | 'needs_reconnect' | 'paused';

export type Side = 'receiving' | 'sending';

/** A paused side keeps the reason for which it needed a new password, so that resuming does not forget it. */
export interface InboxState {
  receiving: Receiving;
  receivingReason: string;
  sending: Sending;
  sendingReason: string;
}

/** A side that stops: the first of a credential disconnects the inbox, of which people are told; the other is a state and no news. */
export interface Stop {
  kind: 'disconnected' | 'side_stopped';
  side: Side;
  reason: string;
}

/** What is told of a change, in this order. */
export type Told = { kind: 'paused' } | { kind: 'reconnected' } | { kind: 'side_mended'; side: Side } | Stop;

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
  // Reconnected first: it says that both sides work, and what does not work follows.
  const works: Told[] = state.receivingReason && state.sendingReason ? [] : [{ kind: 'reconnected' }];
  return { state: next, told: [...works, ...stops({ receiving: state.receivingReason, sending: state.sendingReason }, false)] };
}

/** The credential is worth nothing any more, on either side; a paused inbox says so once it is resumed. */
export function revoke(state: InboxState, reason: string): Change {
  if (isPaused(state)) return { state: { ...state, receivingReason: reason, sendingReason: reason }, told: [] };
  const [receives, sends] = [state.receiving === 'connected', state.sending === 'ready'];
  const told = stops({ receiving: receives ? reason : '', sending: sends ? reason : '' }, !receives || !sends);
  return { state: { receiving: 'needs_reconnect', receivingReason: reason, sending: 'needs_reconnect', sendingReason: reason }, told };
}

/** Each side that has a reason stops; `isTold` where the inbox is disconnected already. */
function stops(reasons: Record<Side, string>, isTold: boolean): Stop[] {
  const sides = (['receiving', 'sending'] as const).filter((side) => reasons[side] !== '');
  return sides.map((side, at) => ({ kind: isTold || at > 0 ? 'side_stopped' : 'disconnected', side, reason: reasons[side] }));
}

/**
 * A new credential works on both servers, or on that of one side. Where the other still needs one, the inbox is not connected again, and people are told
 * nothing. A paused inbox stays paused and uses it once it is resumed.
 */
export function reconnect(state: InboxState, side?: Side): Change {
  const receiving: Partial<InboxState> = side === 'sending' ? {} : { receiving: 'connected', receivingReason: '' };
  const sending: Partial<InboxState> = side === 'receiving' ? {} : { sending: 'ready', sendingReason: '' };
  const next = { ...state, ...receiving, ...sending };
  if (isPaused(state)) return { state: { ...next, receiving: 'paused', sending: 'paused' }, told: [] };
  const isWhole = next.receivingReason === '' && next.sendingReason === '';
  return { state: next, told: [side && !isWhole ? { kind: 'side_mended', side } : { kind: 'reconnected' }] };
}
