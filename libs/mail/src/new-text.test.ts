// What of a mail's text its author wrote.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_NEW_TEXT, newTextOf } from './new-text.js';

const on = 'On Mon, 1 Jan 2024 at 10:00, Joe <joe@host> wrote:';

describe('the new part of a text is', () => {
  it.each([
    ['all of it where nothing is quoted', 'Hello,\n\n  yes: 10:00.\n\nJoe', 'Hello,\n\n  yes: 10:00.\n\nJoe'],
    ['what stands above quoted lines', `Yes.\n\n${on}\n> Shall we?\n> Joe\n`, 'Yes.'],
    ['what stands above a history that nothing marks', `Yes.\n\n${on}\n\nShall we?\n\nJoe`, 'Yes.'],
    ['what stands above quoted lines that nobody announces', 'Yes.\n> Shall we?\n', 'Yes.'],
    ['what stands above an announcement without a date', 'Yes.\n\nOn Monday Joe wrote:\n> Shall we?', 'Yes.'],
    ['what stands below quoted lines', `${on}\n> Shall we?\n\nYes.`, 'Yes.'],
    ['with the quoted lines where it answers them in place', `${on}\n> Shall we?\nYes.\n> Soon?\nNo.`, '> Shall we?\nYes.\n> Soon?\nNo.'],
    ['the same below a greeting', `Hello Joe,\n${on}\n> Shall we?\nYes.\n> Bye`, 'Hello Joe,\n> Shall we?\nYes.'],
    ['what stands above an original message', 'Ja.\r\n\r\n-----Ursprüngliche Nachricht-----\r\nVon: Joe\r\n', 'Ja.'],
    ['what stands above an inner header', 'Ok\n________\nFrom: Joe <joe@host>\nSent: Monday\nTo: Ann\nSubject: Offer\n\nhello', 'Ok'],
    ['what stands above one in words that are not known', 'Ok\n--- Ursprungs-Post ---\nVon: Joe\nAn: Ann\nBetreff: x\n\nhello', 'Ok'],
    [
      'what stands above an attribution over four lines',
      'Yes.\n\nOn Thu, 31 Mar 2016 at 11:16 Some One\n\n<\nmailto:Some One <one@host>\n> wrote:\n\nShall we?',
      'Yes.',
    ],
    ['what stands above a date and a name', `Yes.\nOn Mon, Feb 1, 2016 at 6:32 PM\nJoe Doe <joe@host> wrote:\n> Shall we?`, 'Yes.'],
    ['without the signature', 'Hello\n-- \nJoe\nExample Ltd', 'Hello'],
    ['without one whose blank is lost', 'Hello\n\n--\nJoe', 'Hello'],
    ['without one that stands above the quote', `Hello\n-- \nJoe\n\n${on}\n> Shall we?`, 'Hello'],
    ['without the name of the device', `Hello\n\nSent from my iPhone\n\n${on}\n> Shall we?`, 'Hello'],
    ['without the footer of a list', `Hello\n\n${on}\n> Shall we?\n\n______________\nlist mailing list\nlist@host`, 'Hello'],
    [
      'what is forwarded, where nothing else is said',
      '---------- Forwarded message ----------\nFrom: Joe\nTo: Ann\nSubject: x\n\nhello',
      'hello',
    ],
    ['what is quoted, where nothing else is said', '> hello', '> hello'],
    ['nothing where it is all history', `${on}\n> Shall we?\n`, ''],
    ['nothing where a quote is all history', `> ${on}\n> > Shall we?`, ''],
    ['nothing of nothing', ' \n\n', ''],
  ])('%s', (_, text, expected) => {
    expect(newTextOf(text)).toBe(expected);
  });

  it.each([
    ['a passage between dashes', 'One\n----\nTwo\n\n====\n\nThree'],
    ['a long text behind two dashes', `One\n--\n${'more\n'.repeat(40)}end`],
    ['people who say that somebody wrote', 'On 3 May I met Joe.\nHe wrote:\n\nwe are closed'],
    ['sentences that start like an attribution', 'On the other hand, at 10:00,\nwe are closed:\nsee above'],
    ['a form with two labels', 'From: Monday\nTo: Friday\nwe are closed'],
    ['what was sent from somewhere', 'It was sent from my iPhone app.\n\nSent it to you at 10:00.'],
    ['thanks and names', 'Yes.\n\nThanks,\nJoe Doe\nExample Ltd'],
    ['a smile', '👍'],
    ['times and dates', '2024-01-15 14:30:25\n15.01.2024 14:30\nJan 15, 2024 at 14:30'],
    ['an mbox escape', '>From here on it is easy.'],
  ])('not without %s', (_, text) => {
    expect(newTextOf(text)).toBe(text);
  });
});

describe('the new part is told', () => {
  it('from the start of a text, as far as its limits', () => {
    expect(newTextOf('x'.repeat(MAX_NEW_TEXT + 1))).toHaveLength(MAX_NEW_TEXT);
    expect(newTextOf('x\n'.repeat(9_000)).split('\n')).toHaveLength(5_000);
  });

  it.each([
    '> quoted words\n',
    `${on}\n`,
    `${on}\n> x\n`,
    '<\n',
    '<1 wrote:\n',
    'From: a\n',
    '-- \n',
    '___________\n',
    'a\n\n',
    'JD> x\n> wrote:\n',
  ])('of many lines %j in a time that grows as they do', (line) => {
    expect(growth(line.repeat(600 / (line.split('\n').length - 1)))).toBeLessThan(5);
  });

  it.each([' ', '>', ':', '-', '<', 'wrote:', 'a@b ', '> ', '\u00a0', '*', '=', '--', 'on '])(
    'of one line of %j in a time that grows as it does',
    (piece) => expect(growth(piece.repeat(60_000 / piece.length))).toBeLessThan(5),
  );

  it('of anything, and never throws', () => {
    const pieces = fc.array(
      fc.constantFrom('> ', '\n', '\n\n', on, '-- \n', 'text', '-----Original Message-----', 'From: a\nTo: b\nDate: c\n'),
    );
    fc.assert(fc.property(pieces, (list) => newTextOf(list.join('')).length <= list.join('').length));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void newTextOf(text)));
  });
});

/** How much longer a text takes that is eight times as long than eight such texts: 1 where it is linear, 8 where all is compared with all. */
function growth(text: string): number {
  const long = text.repeat(8);
  const timeOf = (one: string, count: number) => {
    const started = performance.now();
    for (let turn = 0; turn < count; turn++) newTextOf(one);
    return performance.now() - started;
  };
  // The fastest of each, since a machine pauses now and then; and what takes no time at all tells nothing.
  const fastest = (one: string, count: number) => Math.min(...Array.from({ length: 7 }, () => timeOf(one, count)));
  return fastest(long, 1) / Math.max(fastest(text, 8), 0.2);
}
