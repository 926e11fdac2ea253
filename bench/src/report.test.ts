// What a bench prints, and how it sums up many values.
import { describe, expect, it } from 'vitest';
import { percentile, report } from './report.js';

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('a percentile', () => {
  it.each([
    [100, 0.5, 51],
    [100, 0.99, 100],
    [1_000, 0.99, 991],
    [500, 0.99, 496],
    [3, 0.5, 2],
    [1, 0.99, 1],
  ])('of the values 1 to %i at %d is %i', (count, share, expected) => {
    expect(percentile(upTo(count), share)).toBe(expected);
  });

  it('takes values in any order and leaves them as they are', () => {
    const values = [30, 10, 20, -5];
    expect(percentile(values, 0.5)).toBe(20);
    expect(values).toEqual([30, 10, 20, -5]);
  });

  it('sorts by size, not by digits, and has the ends', () => {
    expect(percentile([9, 100, 11], 0.5)).toBe(11);
    expect([percentile([9, 100, 11], 0), percentile([9, 100, 11], 1)]).toEqual([9, 100]);
  });

  it('of nothing is no number', () => {
    expect(percentile([], 0.5)).toBeNaN();
  });
});

describe('a report', () => {
  const result = { name: 'start', figures: { first_start_s: 3.26, processes: 12 }, ratios: { second_start_s: 2.05 } };

  it('as JSON is one object on one line, with the machine', () => {
    const text = report(result, true);
    expect(text).not.toContain('\n');
    expect(JSON.parse(text)).toEqual({
      ...result,
      machine: { cpu: expect.any(String), cores: expect.any(Number), memory_gb: expect.any(Number), node: process.version },
    });
  });

  it('for people has a line for each figure and ratio, whole numbers as they are and others to a tenth', () => {
    const lines = report(result, false).split('\n');
    expect(lines[0]).toMatch(/^start on \d+ cores \(.+\), Node v/);
    expect(lines.slice(1).map((line) => line.trim().split(/ +/))).toEqual([
      ['first_start_s', '3.3'],
      ['processes', '12'],
      ['ratios.second_start_s', expect.stringMatching(/^2\.[01]$/)],
    ]);
  });
});
