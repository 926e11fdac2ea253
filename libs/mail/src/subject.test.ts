// Subjects as answers and forwards carry them, in the languages people write.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baseSubject, isForward } from './subject.js';

describe('the base of a subject', () => {
  it.each([
    ['Offer', 'offer'],
    ['Re: Offer', 'offer'],
    ['RE: AW: Fwd: SV: Offer', 'offer'],
    ['Re[2]: Offer', 'offer'],
    ['Re(3): Offer', 'offer'],
    ['Re : Offre', 'offre'],
    ['Antw.: Offerte', 'antw.: offerte'],
    ['WG: Angebot', 'angebot'],
    ['TR: Offre', 'offre'],
    ['RV: Oferta', 'oferta'],
    ['RES: ENC: Oferta', 'oferta'],
    ['回复：转发：报价', '报价'],
    ['Отв: Предложение', 'предложение'],
    ['[list] Re: [ticket 5] Offer', 'offer'],
    ['Re:Re:Re:Offer', 'offer'],
    ['Offer (was: Old offer)', 'offer'],
    ['Re: Offer [was Old offer]', 'offer'],
    ['Offer (fwd)', 'offer'],
    ['  Offer\r\n\tfor  you ', 'offer for you'],
    ['Report: figures', 'report: figures'],
    ['Rework: the plan', 'rework: the plan'],
    ['Meeting at 10: bring figures', 'meeting at 10: bring figures'],
    ['Re:', ''],
    ['Fwd: ', ''],
    ['[Fwd: Offer]', 'offer'],
    ['Re: [FWD: Offer]', 'offer'],
    ['re: [fwd: [fwd: re: [fwd: Offer]]]', 'offer'],
    ['[list] Fwd: [other] Re: fw: Offer (fWd)  (fwd)', 'offer'],
    ['[Fwd: Offer] and more', 'and more'],
    ['[Fwd:]', '[fwd:]'],
    ['[list]', '[list]'],
    ['Re: [list]', '[list]'],
    ['(was: it)', '(was: it)'],
    ['', ''],
  ])('of %j is %j', (subject, base) => {
    expect(baseSubject(subject)).toBe(base);
  });

  it('stays the same under any number of marks before it', () => {
    const mark = fc.constantFrom('Re: ', 'Fwd: ', 'AW:', 'sv: ', '[list] ', 'Re[4]: ', '回复：', 'TR : ');
    const text = fc.stringMatching(/^[a-z][a-z ]{3,20}[a-z]$/);
    fc.assert(
      fc.property(fc.array(mark, { maxLength: 20 }), text, (marks, subject) => {
        expect(baseSubject(marks.join('') + subject)).toBe(baseSubject(subject));
      }),
    );
  });

  it('is bounded work and never throws', () => {
    for (const piece of ['re:', '[fwd:', '(fwd)', '[', '[]', '(was ', 'a', ' ', ':', 'Re[1]', '[patch']) {
      const subject = piece.repeat(1_000_000 / piece.length);
      expect(baseSubject(subject).length).toBeLessThanOrEqual(2_000);
      expect(isForward(subject)).toBeTypeOf('boolean');
    }
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (subject) => void [baseSubject(subject), isForward(subject)]));
  });
});

describe('a subject says', () => {
  it.each([
    'Fwd: Offer',
    'FW: Offer',
    'WG: Angebot',
    '[list] TR: Offre',
    'Offer (fwd)',
    '[Fwd: Offer]',
    '[list] [Fwd: Offer]',
    '转发：报价',
    'ENC: Oferta',
  ])('forwarded: %j', (subject) => {
    expect(isForward(subject)).toBe(true);
  });

  it.each(['Offer', 'Re: Offer', 'Re: Fwd: Offer', 'Re: [Fwd: Offer]', 'Forward: march', 'I think: no'])('not forwarded: %j', (subject) => {
    expect(isForward(subject)).toBe(false);
  });
});
