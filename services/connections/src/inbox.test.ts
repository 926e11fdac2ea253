// How the states of an inbox change.
import { describe, expect, it } from 'vitest';
import { pause, reconnect, resume, revoke, working, type InboxState } from './inbox.js';

const refused: InboxState = { receiving: 'needs_reconnect', receivingReason: 'AUTH_REJECTED', sending: 'ready', sendingReason: '' };
const bothRefused: InboxState = { ...refused, sending: 'needs_reconnect', sendingReason: 'AUTH_REJECTED' };
const paused = (state: InboxState) => pause(state)!.state;

describe('the states of an inbox', () => {
  it('pauses both sides once, and resumes both', () => {
    expect(pause(working)).toEqual({ state: { ...working, receiving: 'paused', sending: 'paused' }, told: [{ kind: 'paused' }] });
    expect(pause(paused(working))).toBeUndefined();
    expect(resume(paused(working))).toEqual({ state: working, told: [{ kind: 'reconnected' }] });
    expect(resume(working)).toBeUndefined();
  });

  it('does not forget over a pause which side needs a new password', () => {
    expect(resume(paused(refused))).toEqual({
      state: refused,
      told: [{ kind: 'reconnected' }, { kind: 'disconnected', side: 'receiving', reason: 'AUTH_REJECTED' }],
    });
    expect(resume(paused(bothRefused))!.told.map(({ kind }) => kind)).toEqual(['disconnected', 'side_stopped']);
  });

  it('tells people of a credential once, whichever sides it stops and in which order', () => {
    const told = (state: InboxState) => revoke(state, 'OAUTH_REVOKED').told.map((one) => [one.kind, 'side' in one && one.side]);
    expect(told(working)).toEqual([
      ['disconnected', 'receiving'],
      ['side_stopped', 'sending'],
    ]);
    expect(told(refused)).toEqual([['side_stopped', 'sending']]);
    expect(told(bothRefused)).toEqual([]);
    expect(told(paused(working))).toEqual([]);
    expect(resume(revoke(paused(working), 'OAUTH_REVOKED').state)!.told.map(({ kind }) => kind)).toEqual(['disconnected', 'side_stopped']);
  });

  it('works on both sides after a new password, but stays paused if it was', () => {
    expect(reconnect(bothRefused)).toEqual({ state: working, told: [{ kind: 'reconnected' }] });
    const { state, told } = reconnect(paused(bothRefused));
    expect([state.receiving, state.sending, told]).toEqual(['paused', 'paused', []]);
    expect(resume(state)!.state).toEqual(working);
  });
});
