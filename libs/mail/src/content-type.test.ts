// Content-Type headers.
import { describe, expect, it } from 'vitest';
import { parseContentType } from './content-type.js';

describe('a Content-Type', () => {
  it('gives type and parameters, names in any case, quoted or not', () => {
    const { type, parameters } = parseContentType(
      'Multipart/Report; Report-Type=delivery-status;\r\n\tboundary="a \\"b\\"; c"; boundary=second',
    );
    expect(type).toBe('multipart/report');
    expect(Object.fromEntries(parameters)).toEqual({ 'report-type': 'delivery-status', boundary: 'a "b"; c' });
  });

  it.each(['', 'text', ';', '/', ' / ', '"'])('bears %j', (raw) => {
    expect(parseContentType(raw)).toEqual({ type: '', parameters: new Map() });
  });

  it('reads fifty parameters at most', () => {
    const many = Array.from({ length: 500 }, (_, n) => `;p${n}=1`).join('');
    expect(parseContentType(`a/b${many}`).parameters.size).toBe(50);
  });
});
