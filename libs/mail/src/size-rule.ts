// Which attachments of a mail may be fetched, by size alone; asked before a byte is fetched and again while bytes arrive.

/** 1 MB is 1,000,000 bytes. */
export interface SizeLimits {
  /** A mail (RFC822.SIZE) of this size or more: none of its attachments. */
  mailLimitBytes: number;
  /** An attachment over this size, decoded: never. */
  partLimitBytes: number;
  /** Off for the inbox or its tenant: none. */
  attachmentsOn: boolean;
}

export const DEFAULT_SIZE_LIMITS: SizeLimits = { mailLimitBytes: 50_000_000, partLimitBytes: 50_000_000, attachmentsOn: true };

export interface DeclaredPart {
  partId: string;
  /** As BODYSTRUCTURE declares it: size in its transfer encoding, line breaks counted. */
  encodedSizeBytes: number;
  encoding: string;
}

export type RejectReason = 'mail_too_large' | 'part_too_large' | 'attachments_off';

export type Admission =
  | { partId: string; decision: 'pending'; estimatedSizeBytes: number }
  | { partId: string; decision: 'rejected'; reason: RejectReason; estimatedSizeBytes: number; limitBytes?: number };

/**
 * Takes the mail's size, its attachments as declared, and the limits.
 * Gives one decision for each attachment, in order. A declared size is an encoded one, and how much of it is line breaks is not known:
 * a part is rejected here only if its *least* decoded size is over the limit; else it is pending, and `receivedTooLarge` counts
 * while it streams. The reason that holds for all parts is told before that of one.
 */
export function admit(mailSizeBytes: number, parts: readonly DeclaredPart[], limits: SizeLimits): Admission[] {
  return parts.map((part) => {
    const { partId } = part;
    const { leastBytes, likelyBytes: estimatedSizeBytes } = decodedSize(part.encodedSizeBytes, part.encoding);
    const rejected = (reason: RejectReason, limitBytes?: number): Admission => ({
      partId,
      decision: 'rejected',
      reason,
      estimatedSizeBytes,
      limitBytes,
    });
    if (!limits.attachmentsOn) return rejected('attachments_off');
    if (mailSizeBytes >= limits.mailLimitBytes) return rejected('mail_too_large', limits.mailLimitBytes);
    if (leastBytes > limits.partLimitBytes) return rejected('part_too_large', limits.partLimitBytes);
    return { partId, decision: 'pending', estimatedSizeBytes };
  });
}

/** Takes the decoded bytes received so far. Gives true once they are over the limit: stop, and reject as `part_too_large`. */
export function receivedTooLarge(receivedBytes: number, limits: SizeLimits): boolean {
  return receivedBytes > limits.partLimitBytes;
}

export interface DecodedSize {
  /** No encoder in use writes fewer decoded bytes into so many encoded ones. */
  leastBytes: number;
  /** With the usual lines of 76 characters; for people and progress, never for a decision. */
  likelyBytes: number;
  /** A decoder cannot give more. */
  mostBytes: number;
}

/**
 * Takes a declared size and a transfer encoding (RFC 2045 §6), in any case.
 * Gives the bounds of the decoded size. base64: lines of 60 to 76 characters and a line break of two; quoted-printable: from every
 * byte as `=XX` to none; uuencode: 45 bytes a line of 61; 7bit, 8bit, binary: as it is. Of an unknown encoding the least is 0: it is
 * counted while it streams.
 */
export function decodedSize(encodedSizeBytes: number, encoding: string): DecodedSize {
  const size = Number.isFinite(encodedSizeBytes) ? Math.max(0, Math.floor(encodedSizeBytes)) : 0;
  const bounds = (least: number, likely: number, most: number): DecodedSize => ({
    leastBytes: Math.max(0, Math.floor(least)),
    likelyBytes: Math.max(0, Math.floor(likely)),
    mostBytes: Math.ceil(most),
  });
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return bounds(((size * 60) / 62 / 4) * 3 - 4, ((size * 76) / 78 / 4) * 3, (size / 4) * 3);
    case 'quoted-printable':
      return bounds((size * 25) / 78 - 1, size, size);
    case 'x-uuencode':
    case 'uuencode':
      return bounds((size * 45) / 63 - 100, (size * 45) / 63, (size * 3) / 4);
    case '':
    case '7bit':
    case '8bit':
    case 'binary':
      return bounds(size, size, size);
    default:
      return bounds(0, size, size);
  }
}
