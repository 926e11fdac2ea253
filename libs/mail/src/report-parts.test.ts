// What is read of a delivery report.
import { describe, expect, it } from 'vitest';
import type { StructureNode } from './part.js';
import { MAX_REPORT_BYTES, reportPlanOf } from './report-parts.js';

const part = (id: string, type: string, size = 100): StructureNode => ({ part: id, type, size, encoding: '7bit' });

describe('of a delivery report', () => {
  it('the first text, the status and the header of the returned mail are read, and nothing else', () => {
    const returned: StructureNode = { ...part('3', 'message/rfc822', 9_000_000), childNodes: [part('3.1', 'text/plain')] };
    const plan = reportPlanOf({
      type: 'multipart/report',
      childNodes: [part('1', 'text/plain'), part('2', 'message/delivery-status'), returned, part('4', 'image/png')],
    });
    expect(plan).toMatchObject({ firstText: { partId: '1' }, status: { partId: '2' }, returnedHeader: undefined, returnedMessage: '3' });
  });

  it('the start of each is enough', () => {
    const plan = reportPlanOf(part('1', 'text/plain', 5_000_000));
    expect(plan.firstText).toMatchObject({ fetchBytes: MAX_REPORT_BYTES, truncated: true });
  });

  it('texts within alternatives come in the order of the mail', () => {
    const inner: StructureNode = {
      part: '1',
      type: 'multipart/alternative',
      childNodes: [part('1.1', 'text/plain'), part('1.2', 'text/html')],
    };
    const plan = reportPlanOf({ type: 'multipart/report', childNodes: [inner, part('2', 'text/plain'), part('3', 'text/rfc822-headers')] });
    expect(plan).toMatchObject({ firstText: { partId: '1.1' }, returnedHeader: { partId: '3' } });
  });

  it('a bomb of parts ends', () => {
    let deep = part('1', 'text/plain');
    for (let level = 0; level < 50_000; level++) deep = { type: 'multipart/mixed', childNodes: [deep, deep] };
    expect(reportPlanOf(deep).firstText).toBeUndefined();
  });
});
