// The keyed hashes of one tenant as observing needs them, and the check of our own signature on a send.
import { timingSafeEqual } from 'node:crypto';
import { formatSendMark, type SendMark } from '@rejoinder/mail/send-mark';
import type { Hasher } from '@rejoinder/vault/hasher';
import type { Hash } from './observe.js';

export interface TenantHash {
  hash: Hash;
  isSigned: (mark: SendMark, mac: string) => boolean;
  /** What names an attachment: its mail and its part. */
  attachment: (text: string) => Buffer;
}

export function tenantHash(hasher: Hasher): TenantHash {
  const sign = (mark: SendMark) => hasher.hash('send', `${mark.sendId}/${mark.mailId}`).toString('base64url');
  return {
    hash: (kind, text) => hasher.hash(kind, text),
    attachment: (text) => hasher.hash('attachment', text),
    isSigned: (mark, mac) => {
      const [own, given] = [formatSendMark(mark, () => sign(mark)), formatSendMark(mark, () => mac)].map((text) => Buffer.from(text));
      return own!.length === given!.length && timingSafeEqual(own!, given!);
    },
  };
}
