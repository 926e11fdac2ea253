// Hashes once what comes again: the same people, and the ids of one conversation, stand on mail after mail.
import type { Hash } from './observe.js';

type Kind = Parameters<Hash>[0];

/** Texts of a kind that are remembered; as many again from before. */
const mostTexts = 4_000;

/** The same hashes; the identity of a mail comes once, and is not remembered. */
export function remembering(hash: Hash): Hash {
  const recent = new Map<Kind, Map<string, Buffer<ArrayBuffer>>>();
  const before = new Map<Kind, Map<string, Buffer<ArrayBuffer>>>();
  const keep = (kind: Kind, text: string, hashed: Buffer<ArrayBuffer>) => {
    const texts = recent.get(kind);
    if (texts && texts.size < mostTexts) return void texts.set(text, hashed);
    if (texts) before.set(kind, texts);
    recent.set(kind, new Map([[text, hashed]]));
  };
  return (kind, text) => {
    if (kind === 'mail') return hash(kind, text);
    const known = recent.get(kind)?.get(text);
    if (known) return known;
    const hashed = before.get(kind)?.get(text) ?? hash(kind, text);
    keep(kind, text, hashed);
    return hashed;
  };
}
