// What becomes of what an earlier attempt left behind.
import { describe, expect, it } from 'vitest';
import { judgeLeftover } from './leftover.js';

const at = new Date();
const left = (state: string, dataStarted = false, copySeen = false) => ({
  state,
  dataStartedAt: dataStarted ? at : null,
  copySeenAt: copySeen ? at : null,
});

describe('what an earlier attempt left behind', () => {
  it('is unconfirmed once its first byte may have left, and taken again before that', () => {
    expect(judgeLeftover(left('sending', true), false)).toEqual({ state: 'unconfirmed' });
    expect(judgeLeftover(left('sending'), false)).toBe('retake');
    expect(judgeLeftover(left('accepted'), false)).toBeUndefined();
  });

  it('is sent where its copy was seen, whatever else is known of it', () => {
    for (const state of ['accepted', 'sending', 'unconfirmed'])
      expect(judgeLeftover(left(state, true, true), true)).toEqual({ state: 'sent', refused: [] });
  });

  it('fails with its inbox, unless it may have been sent', () => {
    expect(judgeLeftover(left('accepted'), true)).toEqual({ state: 'failed', reason: 'INBOX_REMOVED' });
    expect(judgeLeftover(left('sending'), true)).toEqual({ state: 'failed', reason: 'INBOX_REMOVED' });
    expect(judgeLeftover(left('sending', true), true)).toEqual({ state: 'unconfirmed' });
    expect(judgeLeftover(left('unconfirmed', true), true)).toBeUndefined();
  });
});
