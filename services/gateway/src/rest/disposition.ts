// How a file is handed to a browser: under its name, to be saved and never shown in our origin.
import { safeFileName } from '@rejoinder/mail/file-name';

const fallback = 'attachment';

/** Types that a browser cannot be made to run anything with; all else is bytes. */
const harmless = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'application/pdf',
  'text/plain',
  'text/csv',
  'application/zip',
]);

export function typeToServe(declared: string): string {
  const type = declared.split(';')[0]!.trim().toLowerCase();
  return harmless.has(type) ? type : 'application/octet-stream';
}

/** The header for a file name: in ASCII for old programs, and whole (RFC 6266 §4.3, RFC 8187 §3.2). */
export function attachmentDisposition(fileName: string): string {
  const name = safeFileName(fileName) ?? fallback;
  const ascii = name.replace(/[^\x20-\x7e]/g, '_').replace(/["\\%]/g, '_');
  return `attachment; filename="${ascii}"; filename*=UTF-8''${extended(name)}`;
}

/** encodeURIComponent leaves alone what an attr-char may not be. */
function extended(name: string): string {
  return encodeURIComponent(name).replace(/['()*!]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
