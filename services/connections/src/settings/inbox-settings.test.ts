// What a change of an inbox's settings does, and what it refuses.
import { describe, expect, it } from 'vitest';
import { changedSettings, firstSettings, type GivenSettings } from './inbox-settings.js';

const now = new Date('2026-11-30T12:00:00Z');
const bounds = { now, headerDays: 60 };
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
const before = firstSettings('tracked');
const change = (given: GivenSettings, from = before) => changedSettings(from, given, bounds);

describe('settings of an inbox', () => {
  it('stay where nothing is said of them', () => {
    expect(change({})).toEqual(before);
    expect(change({ historyDays: 0, folders: ['Work', 'Work'] })).toEqual({ ...before, historyDays: 0, folders: ['Work'] });
  });

  it('take own addresses once each, in lower case, and keep them until others are given', () => {
    const named = change({ ownAddresses: ['Sales@Example.com', 'sales@example.com '] });
    expect(named.ownAddresses).toEqual(['sales@example.com']);
    expect([change({}, named).ownAddresses, change({ ownAddresses: [] }, named).ownAddresses]).toEqual([['sales@example.com'], []]);
  });

  it('capture all mail of contacts from now on, unless a person asks for more', () => {
    expect(change({ capture: 'all' })).toMatchObject({ capture: 'all', captureSince: now });
    expect(change({ capture: 'all', captureSince: daysAgo(30) })).toMatchObject({ captureSince: daysAgo(30) });
    expect(change({ capture: 'all', captureSince: daysAgo(-1) })).toMatchObject({ captureSince: now });
    // A mail server tells of whole seconds.
    const within = { now: new Date(now.getTime() + 999), headerDays: 60 };
    expect(changedSettings(before, { capture: 'all' }, within)).toMatchObject({ captureSince: now });
  });

  it('keep from when on all is captured, and forget it with that choice', () => {
    const all = change({ capture: 'all', captureSince: daysAgo(10) });
    expect(change({ capture: 'all' }, all)).toEqual(all);
    expect(change({ attachments: false }, all)).toMatchObject({ captureSince: daysAgo(10) });
    expect(change({ capture: 'tracked' }, all)).toMatchObject({ capture: 'tracked', captureSince: null });
  });

  it.each([
    ['a capture nobody knows', { capture: 'some' }, 'CAPTURE_INVALID'],
    ['a look back beyond what is kept', { capture: 'all', captureSince: daysAgo(61) }, 'CAPTURE_SINCE_INVALID'],
    ['a look back of tracked mail', { captureSince: daysAgo(1) }, 'CAPTURE_SINCE_INVALID'],
    ['an own address that is none', { ownAddresses: ['sales@example.com', 'sales'] }, 'OWN_ADDRESSES_INVALID'],
    [
      'more own addresses than a mailbox has',
      { ownAddresses: Array.from({ length: 21 }, (_, at) => `a${at}@x.test`) },
      'OWN_ADDRESSES_INVALID',
    ],
    ['less history than none', { historyDays: -1 }, 'HISTORY_INVALID'],
    ['a folder without a name', { folders: [''] }, 'FOLDER_INVALID'],
    ['a folder name that breaks a line', { folders: ['a\r\nb'] }, 'FOLDER_INVALID'],
    ['more folders than are looked at', { folders: Array.from({ length: 201 }, (_, at) => `F${at}`) }, 'FOLDERS_INVALID'],
  ])('refuse %s', (_, given, code) => {
    expect(() => change(given)).toThrow(expect.objectContaining({ code }) as Error);
  });
});
