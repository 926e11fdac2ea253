// Which addresses a webhook may have, what it is told, and for how long each event is tried.
import { describe, expect, test } from 'vitest';
import { bodyOf, eventKinds, readUrl, triedForMs, wants } from './webhook.js';

const dayMs = 86_400_000;

describe('the address of a webhook', () => {
  test.each(['https://crm.example.com/hook?key=a', 'https://crm.example.com:8443/', 'HTTPS://CRM.example.com'])('%s may be one', (text) =>
    expect(readUrl(text)?.protocol).toBe('https:'),
  );

  test.each([
    'http://crm.example.com/',
    'https://ada:secret@crm.example.com/',
    'https://ada@crm.example.com/',
    'https://crm.example.com/#part',
    'ftp://crm.example.com/',
    'file:///etc/passwd',
    'crm.example.com',
    'https://',
    '',
  ])('%j may not', (text) => expect(readUrl(text)).toBeUndefined());
});

test('a webhook is told the kinds that it names, or all that are public', () => {
  expect([wants([], 'MailSent'), wants(['MailSent'], 'MailSent'), wants(['MailSent'], 'InboxDisconnected')]).toEqual([true, true, false]);
  expect(eventKinds).toContain('InboxDisconnected');
  expect(eventKinds).not.toContain('MailsObserved');
  expect(new Set(eventKinds).size).toBe(eventKinds.length);
});

test('a receiver is told name, time and facts, in the shape of Standard Webhooks', () => {
  expect(bodyOf('InboxDisconnected', { time: '2026-11-30T12:00:00.000Z', inbox_id: 'i', reason: 'AUTH_REJECTED' })).toBe(
    '{"type":"InboxDisconnected","timestamp":"2026-11-30T12:00:00.000Z","data":{"inbox_id":"i","reason":"AUTH_REJECTED"}}',
  );
});

test('an event is tried for three days, or for as long as it is certainly kept', () => {
  expect([3, 4, 5, 7].map((days) => triedForMs(days) / dayMs)).toEqual([1.75, 2.75, 3, 3]);
});
