// Chains of real and of hostile mails.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_CHAIN, chainOf, settleChain } from './chain.js';

const ids = (count: number) => Array.from({ length: count }, (_, n) => `${n}@host`);
const header = (list: readonly string[]) => list.map((id) => `<${id}>`).join(' ');

describe('the chain of a mail', () => {
  it('is its References, with the mail it answers at the end', () => {
    expect(chainOf({ references: '<a@x> <b@x> <c@x>', inReplyTo: '<b@x>' })).toEqual({ ids: ['a@x', 'c@x', 'b@x'], doubtful: [] });
  });

  it('is In-Reply-To alone where a client sends no References', () => {
    expect(chainOf({ inReplyTo: '<a@x>' }).ids).toEqual(['a@x']);
  });

  it('names neither the mail itself nor an id twice', () => {
    expect(chainOf({ messageId: '<me@x>', references: '<a@x> <me@x> <a@x> <b@x>', inReplyTo: '<me@x>' }).ids).toEqual(['a@x', 'b@x']);
  });

  it('keeps ids that differ in case alone', () => {
    expect(chainOf({ references: '<a@x> <A@x>' }).ids).toEqual(['a@x', 'A@x']);
  });

  it.each(['1', 'null', '@', 'undefined', 'a@', '@host', 'null@host', 'unknown@unknown', 'NaN@x'])(
    'leaves out <%s>, which is no id',
    (junk) => {
      expect(chainOf({ references: `<a@x> <${junk}>`, inReplyTo: `<${junk}>` })).toEqual({ ids: ['a@x'], doubtful: [] });
    },
  );

  it.each(['nullable@host', 'a@b@host', '1@x'])('takes <%s>, which is one', (id) => {
    expect(chainOf({ inReplyTo: `<${id}>` }).ids).toEqual([id]);
  });

  it('takes no mail address of its own people for an id', () => {
    const mail = { references: '<joe@host>', inReplyTo: 'Message from Joe <Joe@Host> of Friday <1@host>', addresses: ['joe@host'] };
    expect(chainOf(mail)).toEqual({ ids: ['1@host'], doubtful: [] });
  });

  it('doubts an In-Reply-To with several ids that References do not confirm', () => {
    const chain = chainOf({ references: '<a@x>', inReplyTo: '<joe@host> <b@x>' });
    expect(chain).toEqual({ ids: ['a@x'], doubtful: ['joe@host', 'b@x'] });
    expect(settleChain(chain, (id) => id === 'b@x')).toEqual(['a@x', 'b@x']);
    expect(settleChain(chain, () => false)).toEqual(['a@x']);
  });

  it('believes an id of such a header that References name too', () => {
    expect(chainOf({ references: '<a@x> <b@x>', inReplyTo: '<joe@host> <a@x>' })).toEqual({ ids: ['b@x', 'a@x'], doubtful: [] });
  });

  it('keeps the root and the last 49 of a long thread', () => {
    const all = ids(120);
    const chain = chainOf({ references: header(all.slice(0, -1)), inReplyTo: header(all.slice(-1)) });
    expect(chain.ids).toEqual([all[0], ...all.slice(-49)]);
    expect(chain.ids).toHaveLength(MAX_CHAIN);
    expect(settleChain({ ids: chain.ids, doubtful: ['z@x'] }, () => true)).toEqual([all[0], ...all.slice(-48), 'z@x']);
  });

  it('is short, without repeats and without the mail itself, whatever the headers hold', () => {
    const some = fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.constantFrom(...ids(80)), { maxLength: 200 }).map(header));
    fc.assert(
      fc.property(some, some, some, fc.array(fc.constantFrom(...ids(5))), (messageId, references, inReplyTo, addresses) => {
        const chain = chainOf({ messageId, references, inReplyTo, addresses });
        const all = [...chain.ids, ...chain.doubtful];
        expect(chain.ids.length).toBeLessThanOrEqual(MAX_CHAIN);
        expect(chain.doubtful.length).toBeLessThanOrEqual(MAX_CHAIN);
        expect(new Set(all).size).toBe(all.length);
        for (const address of addresses) expect(all).not.toContain(address);
        expect(all).not.toContain(chainOf({ inReplyTo: messageId }).ids[0] ?? 'none');
      }),
    );
  });
});
