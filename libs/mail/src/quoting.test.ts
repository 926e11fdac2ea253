// What counts as quoting another mail.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { carriesQuote } from './quoting.js';

describe('a mail carries a quote', () => {
  it.each([
    ['quoted lines', 'Yes.\n> Shall we?\n'],
    ['an attribution', 'Yes.\n\nOn Mon, 1 Jan 2024 at 10:00, Joe <joe@host> wrote:\n\nShall we?'],
    ['an attribution over two lines', 'Ja.\n\nAm 01.01.2024 um 10:00 schrieb Joe Doe\n<joe@host>:\n'],
    ['a French attribution', 'Oui.\n\nLe lun. 1 janv. 2024 à 10:00, Joe <joe@host> a écrit :\n'],
    ['a Norwegian one, the verb before the name', 'Ja\n\nDen 15. jun. 2016 kl. 20.42 skrev Joe Doe <joe@host>:\n'],
    ['a Chinese one', '好的\n\nJoe <joe@host> 于2024年1月1日周一 10:00写道：\n'],
    ['a Zoho one', 'ok\n\n---- On Tue, 22 Dec 2015 14:17:36 +0530 Joe<joe@host> wrote ----\n'],
    ['an old Gmail one without a verb', 'hi\n2016-03-03 17:21 GMT+01:00 Joe <joe@host>:\n'],
    ['an original message', 'See below\r\n\r\n-----Original Message-----\r\nhello'],
    ['a forward of Gmail', '---------- Forwarded message ---------\nhello'],
    ['a forward of Apple Mail', 'Begin forwarded message:\n\nhello'],
    ['a German forward', '-------- Weitergeleitete Nachricht --------\nhallo'],
    ['an inner header', 'fyi\n\nFrom: Joe <joe@host>\nSent: Monday\nTo: Ann\nSubject: Offer\n\nhello'],
    ['a bold inner header in Spanish', '*De:* Joe\n*Enviado:* lunes\n*Para:* Ann\n*Asunto:* Oferta\n'],
  ])('by %s', (_, text) => {
    expect(carriesQuote({ text })).toBe(true);
  });

  it.each([
    ['a blockquote', '<p>Yes</p><BLOCKQUOTE type="cite">x</BLOCKQUOTE>'],
    ['a Gmail quote', '<div class="gmail_quote gmail_quote_container">x</div>'],
    ['an Outlook mark', '<div id="divRplyFwdMsg" dir="ltr">x</div>'],
    ['an Outlook header block', '<p><b>Von:</b> Joe<br><b>Gesendet:</b> Montag<br><b>An:</b> Ann<br><b>Betreff:</b> Angebot</p>'],
    ['an attribution', '<div>On Mon, 1 Jan 2024, Joe &lt;joe@host&gt; wrote:<br></div>'],
  ])('in HTML by %s', (_, html) => {
    expect(carriesQuote({ html })).toBe(true);
  });

  it('by a whole mail as a part', () => {
    expect(carriesQuote({ text: 'see attached', hasMessagePart: true })).toBe(true);
  });

  it('at the end of a text over the limit', () => {
    expect(carriesQuote({ text: `${'word '.repeat(1_000_000)}\n> quoted` })).toBe(true);
  });

  it('but not for where a long line is cut', () => {
    for (const end of ['', 'x']) expect(carriesQuote({ text: `${'a>'.repeat(2_000_000)}${end}` })).toBe(false);
  });

  it.each([
    ['plain words', 'Hello Ann,\n\nshall we meet at 10:00?\n\nJoe'],
    ['a signature with dashes', 'Hello\n-- \nJoe\njoe@host\n----------'],
    ['people who say that they wrote', 'As I wrote:\nno.'],
    ['an mbox escape', '>From here on it is easy.'],
    ['a form with one label', 'From: Monday\nuntil Friday we are closed'],
    ['a form with two labels', 'From: Monday\nTo: Friday\nwe are closed'],
    ['a mention of the original message', 'I lost the original message, sorry.'],
    ['arrows and comparisons', 'a -> b, 5 > 3'],
    ['nothing', ''],
  ])('but not by %s', (_, text) => {
    expect(carriesQuote({ text })).toBe(false);
    expect(
      carriesQuote({
        html: `<style>blockquote2 > p { color: red }</style><p>${text.replaceAll('>', '&gt;').replaceAll('\n', '<br>')}</p>`,
      }),
    ).toBe(text.startsWith('>'));
  });

  it.each([
    '>',
    '<',
    '<a',
    '<style>',
    '<style',
    '</style>',
    '-',
    ' ',
    '\n',
    'on ',
    'From: ',
    'From:\n',
    'wrote:\n',
    '&',
    '&amp;',
    '<br>',
    '* ',
    'a:',
  ])('of megabytes of %j is told in one pass', (piece) => {
    const huge = piece.repeat(3_000_000 / piece.length);
    expect(typeof carriesQuote({ text: `x${huge}`, html: `x${huge}` })).toBe('boolean');
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void carriesQuote({ text, html: text })));
  });
});
