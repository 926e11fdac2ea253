// What may be shown of strangers' HTML, and how long it may take.
import { describe, expect, test } from 'vitest';
import { cleanHtml, maxHtmlCharacters } from './clean-html.js';

const shown = (html: string) => cleanHtml(html).html;

describe('HTML of a stranger', () => {
  test.each([
    ['<script>alert(1)</script>a', 'a'],
    ['<img src=x onerror=alert(1)>', '<img alt="" />'],
    ['<a href="javascript:alert(1)">a</a>', '<a target="_blank" rel="noopener noreferrer nofollow">a</a>'],
    ['<style>p{background:url(http://x.test/b)}</style>a', 'a'],
    ['<p style="background:url(http://x.test/b);color:red">a</p>', '<p style="color:red">a</p>'],
    ['<p style="color:url(http://x.test/b)">a</p>', '<p>a</p>'],
    ['<table background="http://x.test/b"><tr><td>a</td></tr></table>', '<table><tr><td>a</td></tr></table>'],
    ['<img srcset="http://x.test/b 1x">', '<img alt="" />'],
    ['<img data-src="javascript:1" src="data:text/html,a">', '<img alt="" />'],
    [
      '<iframe src="http://x.test"></iframe><svg><a xlink:href="http://x.test"/></svg><input type=image src="http://x.test">',
      '<a target="_blank" rel="noopener noreferrer nofollow"></a>',
    ],
  ])('%s is shown as %s', (html, clean) => expect(shown(html)).toBe(clean));

  test('keeps images that lie in the mail, and does not load those of others', () => {
    expect(shown('<img src="cid:logo@x" width="10">')).toBe('<img src="cid:logo@x" alt="" width="10" />');
    expect(shown('<img src="https://x.test/b.png">')).toBe('<img data-src="https://x.test/b.png" alt="" />');
    expect(shown('<img src="//x.test/b.png">')).toBe('<img alt="" />');
  });

  test('is readable as text', () => {
    expect(cleanHtml('<div>Dear&nbsp;Ann,<br>see <b>1 &lt; 2</b></div><ul><li>one<li>two</ul>').text).toBe(
      'Dear Ann,\nsee 1 < 2\n\none\n\ntwo',
    );
  });

  test('shows in its text what it quotes, as mail programs write it', () => {
    const quote =
      '<blockquote type="cite"><div>Shall we?</div><div><br></div><blockquote> Or <i>not</i>?</blockquote><p>Joe</p></blockquote>';
    const text = 'Yes.\n\nJoe wrote:\n\n> Shall we?\n\n> > Or not?\n>\n> Joe\n\nSoon.';
    expect(cleanHtml(`<div>Yes.</div><br><div>Joe wrote:</div>${quote}</blockquote><p>Soon.</p>`).text).toBe(text);
  });

  test('that is too long or too deep is text alone', () => {
    expect(cleanHtml(`<p>begin</p>${'x'.repeat(maxHtmlCharacters)}`)).toMatchObject({ html: '', text: expect.stringMatching(/^begin/) });
    const before = process.cpuUsage();
    expect(cleanHtml(`${'<div>'.repeat(199_000)}deep`)).toEqual({ html: '', text: 'deep' });
    expect(process.cpuUsage(before).user).toBeLessThan(1_500_000);
  });

  test.each(['<div>', '<table><tr><td>', '<b', '<style>', '<a href="', '<!--', '<svg><style>', '</', "<p x='", '&#'])(
    'of ten megabytes of %j is nothing to be shown',
    (piece) =>
      expect(cleanHtml(`begin${piece.repeat(10_000_000 / piece.length)}`)).toMatchObject({
        html: '',
        text: expect.stringMatching(/^begin/),
      }),
  );

  test.each([
    '<div>',
    '<table><tr><td>',
    '<style>',
    '<a href="',
    '<!--',
    '<svg><style>',
    '</',
    "<p x='",
    '<b></b>',
    '<textarea>',
    '<noscript><p title="</noscript><img src=x onerror=1>">',
  ])('of a megabyte of %j has no tag left that could do anything', (piece) =>
    expect(shown(piece.repeat(999_000 / piece.length))).not.toMatch(
      /<(?:script|style|svg|textarea|noscript)|onerror=[^"]*>|src="(?!cid:)/i,
    ),
  );

  test('with paragraphs that nobody closed is not deep', () => expect(shown('<p>a'.repeat(1_000))).toContain('<p>a</p>'));
});
