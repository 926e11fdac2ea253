// A file name that a mail gives, made safe to show and to store under.
import { utf8Length } from './raw-text.js';

/** Longest name in UTF-8 bytes: what common file systems take. */
export const MAX_FILE_NAME_BYTES = 255;

const MAX_READ = 4_000;
const MAX_EXTENSION_LENGTH = 20;
/** Controls, and marks that turn the reading direction (`exe.gpj` shown as `jpg.exe`), zero-width ones too. */
const INVISIBLE = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/**
 * Takes a decoded file name.
 * Gives its last path segment without invisible characters and without characters that some file system forbids, at most 255 bytes
 * with its extension kept; undefined where nothing is left.
 */
export function safeFileName(name: string): string | undefined {
  const segments = name.slice(0, MAX_READ).replace(INVISIBLE, '').split(/[/\\]/);
  const last = segments.findLast((segment) => /[^\s.]/.test(segment)) ?? '';
  const clean = last
    .replace(/[<>:"|?*]/g, '_')
    .replace(/\s+/g, ' ')
    .replace(/^[ .]{1,4000}/, '')
    .replace(/[ .]{1,4000}$/, '');
  return clean === '' ? undefined : shortened(clean.toWellFormed());
}

function shortened(name: string): string {
  if (utf8Length(name) <= MAX_FILE_NAME_BYTES) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= MAX_EXTENSION_LENGTH ? name.slice(dot) : '';
  const room = MAX_FILE_NAME_BYTES - utf8Length(extension);
  let stem = '';
  let used = 0;
  for (const char of name.slice(0, name.length - extension.length)) {
    used += utf8Length(char);
    if (used > room) break;
    stem += char;
  }
  return stem + extension;
}
