// The identity of a mail: the same for each copy, another for each mail.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type IdentityHeaders, identityText } from './identity.js';

const mail: IdentityHeaders = {
  messageId: '<1@host>',
  from: 'Joe <joe@host>',
  date: 'Mon, 01 Jan 2024 10:00:00 +0100',
  subject: 'Hello',
  to: 'ann@host',
};

describe('the identity of a mail', () => {
  it('is the text that is stored as a hash, for ever', () => {
    expect(identityText(mail)).toBe('mail-id.v1|6:1@host|8:joe@host|10:1704099600');
    expect(identityText({ ...mail, messageId: undefined })).toBe('mail-noid.v1|8:joe@host|10:1704099600|5:Hello|8:ann@host');
  });

  it.each<[string, IdentityHeaders]>([
    ['a folded id', { messageId: '\r\n <1@\r\n host>' }],
    ['another display name', { from: '=?utf-8?q?J=C3=B6?= <joe@host>' }],
    ['an address in other case', { from: 'JOE@Host' }],
    ['more than one author', { from: 'joe@host, ann@host' }],
    ['the same instant in another zone', { date: 'Mon, 1 Jan 2024 09:00 GMT' }],
    ['a comment in the date', { date: 'Mon, 1 Jan 2024 10:00:00 +0100 (CET)' }],
    ['another subject, as lists make them', { subject: '[list] Hello' }],
    ['another recipient, as lists make them', { to: 'list@host' }],
  ])('does not change by %s', (_, change) => {
    expect(identityText({ ...mail, ...change })).toBe(identityText(mail));
  });

  it.each<[string, IdentityHeaders]>([
    ['another id', { messageId: '<2@host>' }],
    ['an id in other case', { messageId: '<1@HOST>' }],
    ['another author: ids are chosen by senders, so a stranger can forge one', { from: 'eve@host' }],
    ['another date', { date: 'Mon, 01 Jan 2024 10:00:01 +0100' }],
  ])('changes by %s', (_, change) => {
    expect(identityText({ ...mail, ...change })).not.toBe(identityText(mail));
  });

  it('without an id goes by subject and recipients too, white space and names aside', () => {
    const bare = { ...mail, messageId: undefined, subject: 'Hello  \r\n you', to: 'Ann <Ann@host>,\r\n\tbob@host' };
    expect(identityText({ ...bare, subject: 'Hello you', to: 'ann@host, "B" <bob@host>' })).toBe(identityText(bare));
    expect(identityText({ ...bare, subject: 'Hello' })).not.toBe(identityText(bare));
    expect(identityText({ ...bare, to: 'ann@host' })).not.toBe(identityText(bare));
  });

  it('does not let one field pass for two', () => {
    const field = fc.array(fc.constantFrom('|', ':', '1', '4', 'a', 'b c'), { maxLength: 12 }).map((parts) => parts.join(''));
    const some = fc.record({ subject: field, date: field });
    const tidy = (text: string) => text.replace(/\s+/g, ' ').trim();
    fc.assert(
      fc.property(some, some, (one, other) => {
        fc.pre(tidy(one.subject) !== tidy(other.subject));
        fc.pre(!/^\d/.test(one.date) && !/^\d/.test(other.date));
        expect(identityText(one)).not.toBe(identityText(other));
      }),
    );
  });

  it('is short work whatever the headers hold', () => {
    const huge = 'a@b,'.repeat(250_000);
    expect(identityText({ from: huge, to: huge, subject: ' '.repeat(1_000_000), date: '('.repeat(1_000_000) }).length).toBeLessThan(40_100);
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        (from, date) => void identityText({ from, date, to: from }),
      ),
    );
  });
});
