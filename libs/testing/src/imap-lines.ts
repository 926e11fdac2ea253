// Cuts a stream of IMAP into its logical lines, literals taken out.

export interface ImapLine {
  /** Without its line end; every literal stands as `{size}`. Bytes are shown as Latin-1. */
  text: string;
  literals: Buffer[];
}

// A literal announces its size at the very end of a line; a status answer is free text and announces nothing.
const LITERAL_AT_END = /~?\{(\d+)\+?\}$/;
const STATUS = /^(\*|\S+) (OK|NO|BAD|BYE|PREAUTH)\b/i;
const LINE_LIMIT_BYTES = 64 * 1024 * 1024;

/** Feed it bytes as they come, cut anywhere; it calls back once for every complete logical line. */
export class ImapLines {
  private line: Buffer[] = [];
  private lineBytes = 0;
  private text = '';
  private literals: Buffer[] = [];
  private literal: Buffer[] = [];
  private missing = 0;

  constructor(
    private readonly side: 'client' | 'server',
    private readonly take: (line: ImapLine) => void,
  ) {}

  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) rest = this.missing > 0 ? this.inLiteral(rest) : this.inLine(rest);
  }

  private inLiteral(chunk: Buffer): Buffer {
    const part = chunk.subarray(0, this.missing);
    this.literal.push(Buffer.from(part));
    this.missing -= part.length;
    if (this.missing === 0) this.endLiteral();
    return chunk.subarray(part.length);
  }

  private endLiteral(): void {
    this.literals.push(Buffer.concat(this.literal));
    this.literal = [];
  }

  private inLine(chunk: Buffer): Buffer {
    const end = chunk.indexOf(10);
    const part = end === -1 ? chunk : chunk.subarray(0, end + 1);
    this.line.push(Buffer.from(part));
    this.lineBytes += part.length;
    if (this.lineBytes > LINE_LIMIT_BYTES) throw new Error(`an IMAP line from the ${this.side} exceeds ${LINE_LIMIT_BYTES} bytes`);
    if (end !== -1) this.endLine();
    return chunk.subarray(part.length);
  }

  private endLine(): void {
    const piece = Buffer.concat(this.line)
      .toString('latin1')
      .replace(/\r?\n$/, '');
    this.line = [];
    this.lineBytes = 0;
    this.text += piece;
    const literal = this.side === 'server' && STATUS.test(this.text) ? null : LITERAL_AT_END.exec(piece);
    if (literal) {
      this.missing = Number(literal[1]);
      if (this.missing === 0) this.endLiteral();
      return;
    }
    const line = { text: this.text, literals: this.literals };
    this.text = '';
    this.literals = [];
    this.take(line);
  }
}
