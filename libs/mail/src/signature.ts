// The lines that a mail program puts below what its user wrote: where the signature starts, and what device it was sent from.

/** Longer lines are prose. */
const MAX_LENGTH = 150;
/** Lines of a signature whose mark has lost its blank (RFC 3676 §4.3): more of them may be a text that goes on behind a rule. */
const MAX_LINES = 15;

const DEVICE = new RegExp(
  [
    // "Sent from my iPhone", in many languages.
    /^[<(]{0,2}(?:sent|written|composed) (?:from|via|with|using|by|on) /,
    /^(?:\p{L}{1,20} )?from (?:my )?(?:mobile|i?phone|ipad|ipod|android|blackberry)(?: \w{1,10})?$/u,
    /^(?:gesendet|verzonden|verstuurd|sendt|skickat|inviato|enviado|enviada|envoyé|wysłane|wysłano|odesláno|отправлено|надіслано) (?:von|mit|met|vanaf|vanuit|via|fra|från|med|da|dal|con|desde|de|do|depuis|avec|à partir de|z|ze|от|с|з) /,
    /^(?:von meinem|vom) .{1,60} gesendet$/,
    /^diese nachricht wurde von (?:meinem|mein) .{1,80} gesendet$/,
    /^lähetetty .{1,60}(?:sta|stä|lta|ltä)$/,
    /^從我的 .{1,30} 傳送$/,
    /^发自我的/,
    /^iphoneから送信$/,
    /^나의 .{1,30}에서 보냄$/,
    /^get \[?outlook for \p{L}{2,10}/u,
    /^(?:outlook für|télécharge[rz] outlook pour|descargar outlook para|obter o outlook para|scarica outlook per|download outlook voor) /,
  ]
    .map(({ source }) => source)
    .join('|'),
  'u',
);

/** "Sent from my iPhone" and its kin: nobody wrote it. */
export function isDeviceLine(line: string): boolean {
  return line.length <= MAX_LENGTH && DEVICE.test(line.trim().replace(/\.$/, '').toLowerCase());
}

/** Takes a line, and how many stand below it that are its mail's own. Gives true where a signature starts with it. */
export function isSignatureMark(line: string, below: number): boolean {
  return line === '-- ' || (/^--[ \t\u00a0]{0,9}$/.test(line) && below <= MAX_LINES);
}
