// How suspicion grows, narrows and ends.
import { expect, test } from 'vitest';
import { afterBreak, maxBreaks, type Suspects } from './suspects.js';

const inbox = { folderId: 'inbox', uidValidity: 1n };

test('the same mails are suspected together, until it is no accident; then half of them', () => {
  let suspects: Suspects | undefined;
  for (let n = 0; n < maxBreaks; n++) suspects = afterBreak(suspects, inbox, [1, 500 - n]);
  expect(suspects).toMatchObject({ from: 1, to: 498, breaks: 3, isNarrowing: true });
  suspects = afterBreak(suspects, inbox, [250, 498]);
  expect(suspects).toMatchObject({ from: 250, to: 498, breaks: 1, isNarrowing: true });
  // Down to one, which must break as often alone.
  suspects = afterBreak(afterBreak(suspects, inbox, [300, 300]), inbox, [300, 300]);
  expect(suspects).toMatchObject({ from: 300, to: 300, breaks: 2 });
});

test('a break over others, in another folder or under other numbers begins anew', () => {
  const before = { ...inbox, from: 1, to: 10, breaks: 3, isNarrowing: true };
  const anew = { breaks: 1, isNarrowing: false };
  expect(afterBreak(before, inbox, [11, 20])).toEqual({ ...inbox, from: 11, to: 20, ...anew });
  for (const place of [
    { folderId: 'sent', uidValidity: 1n },
    { folderId: 'inbox', uidValidity: 2n },
  ])
    expect(afterBreak(before, place, [1, 10])).toEqual({ ...place, from: 1, to: 10, ...anew });
});
