// The mark by which a sent mail is known again, in a header of ours and as its Message-ID: it signs which send and which mail it is.

export const SEND_HEADER = 'X-Rejoinder-Send';

export interface SendMark {
  sendId: string;
  mailId: string;
}

export interface SignedSendMark extends SendMark {
  mac: string;
  /** What the mac was made of; the caller makes its own and compares both in constant time. */
  signedText: string;
}

/** Keyed hash of a text, as letters, digits, `-` and `_` (base64url or hex). */
export type Mac = (text: string) => string;

const VERSION = 'v1';
const FORM = /^v1\.([A-Za-z0-9_-]{1,128})\.([A-Za-z0-9_-]{1,128})\.([A-Za-z0-9_-]{1,128})$/;
const MAX_LENGTH = 1_000;

/**
 * Takes the ids of a send and its mail, and a mac. Gives `v1.<sendId>.<mailId>.<mac>`, which is what stands before the @ of a Message-ID, too: atoms with dots between
 * them (RFC 5322 §3.2.3), 99 characters with UUIDs and a mac of 16 bytes. Throws if an id or mac holds other characters.
 */
export function formatSendMark(mark: SendMark, mac: Mac): string {
  const text = signedText(mark);
  const value = `${text}.${mac(text)}`;
  if (!FORM.test(value)) throw new RangeError(`A send's mark: ids and mac are 1 to 128 letters, digits, - or _`);
  return value;
}

/**
 * Takes the raw value of the header, or what stands before the @ of a Message-ID.
 * Gives its parts and the text that was signed, or undefined where it has another form. White space that folding brought in is ignored. It
 * proves nothing until the caller has compared the mac, and then only with an own From: anyone may copy the mark of a mail they got.
 */
export function parseSendMark(raw: string): SignedSendMark | undefined {
  const [, sendId, mailId, mac] = FORM.exec(raw.slice(0, MAX_LENGTH).replace(/\s+/g, '')) ?? [];
  if (sendId === undefined || mailId === undefined || mac === undefined) return undefined;
  return { sendId, mailId, mac, signedText: signedText({ sendId, mailId }) };
}

function signedText({ sendId, mailId }: SendMark): string {
  return `${VERSION}.${sendId}.${mailId}`;
}
