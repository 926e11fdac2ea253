// Streams one attachment out of a mail in bounded windows, decoded, and to the attachment service in its contract's steps.
import { createHash } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { UploadRequestSchema } from '@rejoinder/contracts/api/attachment';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { decodedSize, receivedTooLarge, type SizeLimits } from '@rejoinder/mail/size-rule';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { transferDecoder } from '../imap/transfer-decoder.js';
import type { Part } from './part-store.js';

type UploadStep = MessageInitShape<typeof UploadRequestSchema>;

/** Encoded bytes asked for at once: what a part costs in memory. */
export const windowBytes = 262_144;
const chunkBytes = 65_536;

/** Gives encoded bytes from an offset on, at most so many; fewer, or none, at the end. Undefined where the mail is gone. */
export type FetchWindow = (start: number, maxBytes: number) => Promise<Buffer | undefined>;

/**
 * The encoded bytes, window by window. A short window is the end only if all that was declared has come, or nothing follows: a stream that
 * was broken off must never pass for a whole one.
 */
export async function* encodedWindows(fetch: FetchWindow, declaredBytes: number): AsyncGenerator<Buffer> {
  for (let start = 0; ;) {
    const window = await fetch(start, windowBytes);
    if (window === undefined) throw faultOf('CONNECTION_LOST');
    if (window.length === 0) return;
    yield window;
    start += window.length;
    if (window.length < windowBytes && start >= declaredBytes) return;
  }
}

/** Start, chunks, end with what was counted. Past the limit it stops fetching and ends with a size that the other side must refuse. */
export async function* uploadSteps(part: Part, windows: AsyncIterable<Buffer>, limits: SizeLimits): AsyncGenerator<UploadStep> {
  yield { step: { case: 'start', value: { tenantId: part.tenantId, mailId: part.mailId, declared: declaredOf(part) } } };
  const decoder = transferDecoder(part.encoding);
  const sha256 = createHash('sha256');
  let sizeBytes = 0;
  const take = function* (bytes: Buffer): Generator<UploadStep> {
    sha256.update(bytes);
    sizeBytes += bytes.length;
    for (let at = 0; at < bytes.length; at += chunkBytes) yield { step: { case: 'chunk', value: bytes.subarray(at, at + chunkBytes) } };
  };
  for await (const window of windows) {
    yield* take(decoder.push(window));
    if (receivedTooLarge(sizeBytes, limits)) break;
  }
  yield* take(decoder.end());
  yield { step: { case: 'end', value: { sizeBytes: BigInt(sizeBytes), sha256Hex: sha256.digest('hex') } } };
}

/** The one step by which it is said that an attachment is not to be had any more. */
export async function* goneSteps(part: Part): AsyncGenerator<UploadStep> {
  const declared = { ...declaredOf(part), state: AttachmentState.REJECTED, reason: 'gone' };
  yield { step: { case: 'start', value: { tenantId: part.tenantId, mailId: part.mailId, declared } } };
}

function declaredOf(part: Part) {
  const { attachmentId, partId, fileName, contentType, inline, contentId, encodedSizeBytes, encoding } = part;
  const sizeBytes = BigInt(decodedSize(encodedSizeBytes, encoding).likelyBytes);
  return { attachmentId, partId, fileName, contentType, sizeBytes, inline, contentId, state: AttachmentState.PENDING };
}
