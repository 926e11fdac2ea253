// Address headers as RFC 5322 shows them and as mail programs break them.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_ADDRESSES, parseAddresses, withoutTag } from './addresses.js';

const read = (value: string) => parseAddresses(value).map(({ name, address }) => (name === '' ? address : `${name} <${address}>`));

describe('the addresses of a header', () => {
  it.each([
    [
      'Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>',
      ['Mary Smith <mary@x.test>', 'jdoe@example.org', 'Who? <one@y.test>'],
    ],
    ['<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>', ['boss@nil.test', 'Giant; "Big" Box <sysservices@example.net>']],
    [
      'A Group:Ed Jones <joe@where.test>,joe@where.test,John <jdoe@one.test>;',
      ['Ed Jones <joe@where.test>', 'joe@where.test', 'John <jdoe@one.test>'],
    ],
    ['Undisclosed recipients:;', []],
    ['Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>', ['Pete <pete@silly.test>']],
    ['<@hosta.int,@jkl.org:userc@d.bar.org>', ['userc@d.bar.org']],
    ['joe@host (Joe Doe)', ['Joe Doe <joe@host>']],
    ['"john doe"@Example.ORG', ['"john doe"@example.org']],
    ['Joe@HOST.example', ['Joe@host.example']],
    ['joe@[192.0.2.1]', ['joe@[192.0.2.1]']],
    ['jörg@bücher.example', ['jörg@bücher.example']],
  ])('%j', (value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  it.each([
    ['a semicolon for a comma', 'a@x; b@y', ['a@x', 'b@y']],
    ['brackets forgotten', 'Joe Doe joe@host', ['joe@host']],
    ['a bracket never closed', 'Joe <joe@host', ['Joe <joe@host>']],
    ['a comma forgotten', '<a@x> <b@y>', ['a@x', 'b@y']],
    ['a comma in a bare name', 'Doe, Joe <joe@host>', ['Joe <joe@host>']],
    ['a quote never closed', 'a@x, "Joe <joe@host>, b@y', ['a@x', 'Joe <joe@host>', 'b@y']],
    ['a comment never closed', 'a@x (first, b@y', ['a@x', 'b@y']],
    ['a comment within a quote, neither closed', '"a (b, c@y', ['c@y']],
    ['empty items', ',, a@x ,;,', ['a@x']],
    ['a mailto', '<mailto:joe@host>', ['joe@host']],
    ['an address as name: the one in brackets counts', '"boss@bank" <eve@evil>', ['boss@bank <eve@evil>']],
    ['nothing', '', []],
    ['the null path', '<>', []],
    ['an @ alone', '@, a@, @b, <@>', []],
  ])('bears %s', (_, value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  it('are compared without case', () => {
    expect(parseAddresses('Joe@Host')[0]).toEqual({ name: '', address: 'Joe@host', key: 'joe@host' });
  });

  it('are read the same alone as with an empty item before them', () => {
    const word = fc.stringMatching(/^[\w .,@<>"()=?+:;\\-]{0,12}$/);
    const mailbox = fc.oneof(
      fc.tuple(word, word, word).map(([name, local, domain]) => `${name}<${local}@${domain}>`),
      fc.tuple(word, word).map(([local, domain]) => `${local}@${domain}`),
      fc.emailAddress().map((address) => `Joe Doe <${address}>`),
    );
    const decode = (raw: string) => raw.toUpperCase();
    const same = (value: string) => void expect(parseAddresses(value, decode)).toEqual(parseAddresses(`,${value}`, decode));
    fc.assert(fc.property(mailbox, same), { numRuns: 5_000 });
  });

  it('have names decoded by the given decoder, and raw where it fails', () => {
    expect(parseAddresses('=?x?q?a?= <a@x>', () => 'Änne\r\nBcc: eve')[0]?.name).toBe('Änne Bcc: eve');
    const fails = () => {
      throw new Error('unknown charset');
    };
    expect(parseAddresses('=?x?q?a?= <a@x>', fails)[0]?.name).toBe('=?x?q?a?=');
  });

  it('are a thousand at most', () => {
    expect(parseAddresses('a@x,'.repeat(100_000))).toHaveLength(MAX_ADDRESSES);
    expect(parseAddresses(`"${'a@x,'.repeat(100_000)}`)).toHaveLength(MAX_ADDRESSES);
  });

  it.each(['"', '(', '<', '\\', ':', ',', '@', '<@', '<@,', 'a:', '@:', '("', '"(', ' ', '<a@x>', '(a)', '"a" ', 'a b@'])(
    'of a megabyte of %j take one pass',
    (piece) => {
      expect(parseAddresses(piece.repeat(1_000_000 / piece.length)).length).toBeLessThanOrEqual(MAX_ADDRESSES);
    },
  );

  it('never hold white space, brackets or controls outside quotes, whatever the header holds', () => {
    const piece = fc.constantFrom('"', '<', '>', '(', ')', '\\', ',', ';', ':', '@', ' ', 'a', 'b', 'é', '\r\n ', '\u0000', 'joe@host');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        for (const { address } of parseAddresses(pieces.join(''))) {
          const at = address.lastIndexOf('@');
          expect(at).toBeGreaterThan(0);
          expect(address.slice(at + 1)).not.toMatch(/[\s<>,;"()\p{Cc}]|^$/u);
          if (!address.startsWith('"')) expect(address.slice(0, at)).not.toMatch(/[\s<>,;"()@\p{Cc}]/u);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('written by the grammar are all read', () => {
    const atom = fc.stringMatching(/^[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,10}$/);
    const one = fc.tuple(fc.option(fc.stringMatching(/^[A-Za-z ,;<@()]{1,10}$/)), atom, atom).map(([name, local, host]) => ({
      text: name === null ? `${local}@${host}` : `"${name}" <${local}@${host}>`,
      key: `${local}@${host}`,
    }));
    fc.assert(
      fc.property(fc.array(one, { maxLength: 20 }), (all) => {
        expect(parseAddresses(all.map((each) => each.text).join(', ')).map((each) => each.key)).toEqual(all.map((each) => each.key));
      }),
    );
  });
});

describe('a tag in an address', () => {
  it.each([
    ['ann+crm@x.test', 'ann@x.test'],
    ['ann+a+b@x.test', 'ann@x.test'],
    ['ann+@x.test', 'ann@x.test'],
  ])('%s is of %s', (key, mailbox) => expect(withoutTag(key)).toBe(mailbox));

  it.each(['ann@x.test', '+ann@x.test', 'ann@x+y.test', '"ann+crm"@x.test', 'ann-crm@x.test'])('%s has none', (key) =>
    expect(withoutTag(key)).toBeUndefined(),
  );
});
