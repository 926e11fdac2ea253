// Reads single headers of a mail, for tests that look at what was sent.

/** The first header of that name, unfolded, its encoded words decoded. */
export function headerOf(mail: Buffer | string, name: string): string | undefined {
  return headersOf(mail, name)[0];
}

export function headersOf(mail: Buffer | string, name: string): string[] {
  const wanted = `${name.toLowerCase()}:`;
  return headerLines(mail)
    .filter((line) => line.toLowerCase().startsWith(wanted))
    .map((line) => decodeWords(line.slice(wanted.length).trim()));
}

function headerLines(mail: Buffer | string): string[] {
  const text = mail.toString();
  const end = text.search(/\r?\n\r?\n/);
  return (end === -1 ? text : text.slice(0, end)).replace(/\r?\n(?=[ \t])/g, '').split(/\r?\n/);
}

function decodeWords(value: string): string {
  return value
    .replace(/(\?=)\s+(?==\?)/g, '$1')
    .replace(/=\?([^?]+)\?([bq])\?([^?]*)\?=/gi, (_, charset: string, encoding: string, text: string) => {
      const bytes = encoding.toLowerCase() === 'b' ? Buffer.from(text, 'base64') : unquote(text);
      return new TextDecoder(charset.split('*')[0]).decode(bytes);
    });
}

function unquote(text: string): Buffer {
  const latin = text.replaceAll('_', ' ').replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(latin, 'latin1');
}
