// File names as a header that no name can break out of.
import { expect, test } from 'vitest';
import { attachmentDisposition, typeToServe } from './disposition.js';

test.each([
  ['offer.pdf', `attachment; filename="offer.pdf"; filename*=UTF-8''offer.pdf`],
  ['Größe.pdf', `attachment; filename="Gr__e.pdf"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf`],
  [`it's (1)!.txt`, `attachment; filename="it's (1)!.txt"; filename*=UTF-8''it%27s%20%281%29%21.txt`],
  ['a"; filename="b.exe', `attachment; filename="a_; filename=_b.exe"; filename*=UTF-8''a_%3B%20filename%3D_b.exe`],
  ['a\r\nSet-Cookie: x=1', `attachment; filename="aSet-Cookie_ x=1"; filename*=UTF-8''aSet-Cookie_%20x%3D1`],
  ['../../etc/passwd', `attachment; filename="passwd"; filename*=UTF-8''passwd`],
  ['jpg.\u202Eexe', `attachment; filename="jpg.exe"; filename*=UTF-8''jpg.exe`],
  ['100%41.txt', `attachment; filename="100_41.txt"; filename*=UTF-8''100%2541.txt`],
  ['', `attachment; filename="attachment"; filename*=UTF-8''attachment`],
])('%j', (name, header) => {
  expect(attachmentDisposition(name)).toBe(header);
});

test.each([
  ['image/png', 'image/png'],
  ['IMAGE/PNG; name=x', 'image/png'],
  ['image/svg+xml', 'application/octet-stream'],
  ['text/html', 'application/octet-stream'],
  ['', 'application/octet-stream'],
])('%s is served as %s', (declared, type) => {
  expect(typeToServe(declared)).toBe(type);
});
