// Which parts of a mail are read as text and which are filed.
import { describe, expect, it } from 'vitest';
import type { StructureNode } from './part.js';
import { DEFAULT_PLAN_LIMITS, planOf } from './structure.js';

const plain = (part?: string, more: Partial<StructureNode> = {}): StructureNode => ({
  part,
  type: 'text/plain',
  encoding: '7bit',
  size: 10,
  ...more,
});
const html = (part: string, more: Partial<StructureNode> = {}): StructureNode => ({
  part,
  type: 'text/html',
  encoding: 'quoted-printable',
  size: 20,
  ...more,
});
const file = (part: string, name: string, more: Partial<StructureNode> = {}): StructureNode => ({
  part,
  type: 'application/pdf',
  encoding: 'base64',
  size: 1_000,
  disposition: 'attachment',
  dispositionParameters: { filename: name },
  ...more,
});
const image = (part: string): StructureNode => ({
  part,
  type: 'image/png',
  encoding: 'base64',
  size: 500,
  id: '<logo@x>',
  disposition: 'inline',
});
const multi = (subtype: string, childNodes: StructureNode[], part?: string): StructureNode => ({
  part,
  type: `multipart/${subtype}`,
  childNodes,
});
const summary = (root: StructureNode) => {
  const plan = planOf(root);
  return { text: plan.textBody, html: plan.htmlBody, files: plan.attachments.map((one) => one.partId) };
};

describe('the plan of a mail', () => {
  it('of one text part fetches part 1', () => {
    expect(planOf(plain(undefined, { parameters: { charset: 'UTF-8' } }))).toEqual({
      text: [{ partId: '1', kind: 'plain', charset: 'UTF-8', encoding: '7bit', encodedSizeBytes: 10, fetchBytes: 10, truncated: false }],
      textBody: ['1'],
      htmlBody: ['1'],
      attachments: [],
      exceeded: undefined,
    });
  });

  it('of one file has an attachment and no text', () => {
    expect(summary({ type: 'application/pdf', encoding: 'base64', size: 5 })).toEqual({ text: [], html: [], files: ['1'] });
  });

  it('takes each alternative for its view', () => {
    expect(summary(multi('alternative', [plain('1'), html('2')]))).toEqual({ text: ['1'], html: ['2'], files: [] });
  });

  it('keeps an image of the HTML out of the text and marks it inline', () => {
    const root = multi('mixed', [
      multi('related', [multi('alternative', [plain('1.1.1'), html('1.1.2')], '1.1'), image('1.2')], '1'),
      file('2', 'a.pdf'),
    ]);
    expect(summary(root)).toEqual({ text: ['1.1.1'], html: ['1.1.2'], files: ['1.2', '2'] });
    expect(planOf(root).attachments).toMatchObject([
      { partId: '1.2', inline: true, contentId: 'logo@x', fileName: undefined },
      {
        partId: '2',
        inline: false,
        contentId: undefined,
        fileName: 'a.pdf',
        contentType: 'application/pdf',
        encodedSizeBytes: 1_000,
        encoding: 'base64',
      },
    ]);
  });

  it('reads text before and behind a file, as Apple Mail writes it, in both views', () => {
    const root = multi('alternative', [plain('1'), multi('mixed', [html('2.1'), file('2.2', 'a.pdf'), html('2.3')], '2')]);
    expect(summary(root)).toEqual({ text: ['1'], html: ['2.1', '2.3'], files: ['2.2'] });
  });

  it('takes a named or attached text for a file', () => {
    const root = multi('mixed', [
      plain('1'),
      plain('2', { parameters: { name: 'notes.txt' } }),
      html('3', { disposition: 'attachment' }),
      plain('4'),
    ]);
    expect(summary(root)).toEqual({ text: ['1', '4'], html: ['1', '4'], files: ['2', '3'] });
  });

  it('takes what is related to the text for no text, and a file there for no image of it', () => {
    const attached = { ...image('3'), disposition: 'attachment' };
    const root = multi('related', [html('1'), plain('2'), attached, image('4')]);
    expect(summary(root)).toEqual({ text: ['1'], html: ['1'], files: ['2', '3', '4'] });
    expect(planOf(root).attachments.map((one) => one.inline)).toEqual([false, false, true]);
  });

  it('does not look into a mail within the mail', () => {
    const nested: StructureNode = {
      part: '2',
      type: 'message/rfc822',
      size: 900,
      childNodes: [multi('mixed', [plain('2.1'), file('2.2', 'b.pdf')], '2')],
    };
    expect(summary(multi('mixed', [plain('1'), nested]))).toEqual({ text: ['1'], html: ['1'], files: ['2'] });
  });

  it('files an invitation among the alternatives, and drops other renditions', () => {
    const calendar: StructureNode = { part: '3', type: 'text/calendar', size: 100 };
    const amp: StructureNode = { part: '4', type: 'text/x-amp-html', size: 100 };
    expect(summary(multi('alternative', [plain('1'), html('2'), calendar, amp]))).toEqual({ text: ['1'], html: ['2'], files: ['3'] });
  });

  it('names the parts itself where the tree does not', () => {
    const bare = (type: string, childNodes?: StructureNode[]): StructureNode => ({ type, size: 1, childNodes });
    const root = bare('multipart/mixed', [bare('multipart/alternative', [bare('text/plain'), bare('text/html')]), bare('image/png')]);
    expect(summary(root)).toEqual({ text: ['1.1'], html: ['1.2'], files: ['2'] });
  });

  it('decodes file names by the given decoder and makes them safe', () => {
    const root = multi('mixed', [plain('1'), file('2', '=?x?=')]);
    expect(planOf(root, () => '../../etc/ev\u202egnp.exe').attachments[0]?.fileName).toBe('evgnp.exe');
  });

  it('cuts text over the limit, plain and HTML each, and says so', () => {
    const size = DEFAULT_PLAN_LIMITS.maxTextBytes;
    const plan = planOf(
      multi('mixed', [multi('alternative', [plain('1.1', { size: size - 5 }), html('1.2', { size })], '1'), plain('2'), plain('3')]),
    );
    expect(plan.text.map(({ partId, fetchBytes, truncated }) => [partId, fetchBytes, truncated])).toEqual([
      ['1.1', size - 5, false],
      ['1.2', size, false],
      ['2', 5, true],
      ['3', 0, true],
    ]);
  });

  it('stops at too many parts and too deep nesting, and keeps what it has', () => {
    const wide = multi('mixed', [plain('1'), ...Array.from({ length: 5_000 }, (_, n) => file(String(n + 2), 'a'))]);
    expect(planOf(wide)).toMatchObject({ exceeded: 'parts', textBody: ['1'] });
    expect(planOf(wide).attachments.length).toBeLessThan(DEFAULT_PLAN_LIMITS.maxParts);
    let deep = plain('9');
    for (let level = 0; level < 20_000; level++) deep = multi('mixed', [deep, ...(level === 19_999 ? [file('2', 'a')] : [])]);
    expect(planOf(deep)).toMatchObject({ exceeded: 'depth', textBody: [], attachments: [{ partId: '2' }] });
  });

  it.each([-1, 1.5, NaN, Infinity])('counts a declared size of %s as none', (size) => {
    expect(planOf(multi('mixed', [plain('1'), file('2', 'a', { size })])).attachments[0]?.encodedSizeBytes).toBe(0);
  });
});
