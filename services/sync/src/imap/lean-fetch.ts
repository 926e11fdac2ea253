// Takes the usual answers to a FETCH of header fields out of the stream before imapflow, whose parser costs ten times as much; all else goes on to it.
import { Transform } from 'node:stream';
import type { ImapFlow } from 'imapflow';
import { FetchAnswers } from './fetch-answer.js';
import type { SeenMail } from './imap-session.js';

/** What is used here of imapflow's own stream of answers, between its socket and its parser; pinned with its version. */
interface AnswerStream extends Transform {
  state: unknown;
  lineBuffer: unknown[];
  inputBuffer: unknown[];
  literals: unknown[];
  inputQueue: unknown[];
}

const lineState = 1;
/** An answer that is longer is left to imapflow and its limits. */
const maxAnswerBytes = 256 * 1_024;
const lf = 0x0a;
const cr = 0x0d;
const closingBrace = 0x7d;
const longestMarker = 20;
const nothing = Buffer.alloc(0);

/** Begins to take mails; answers what ends it again. */
export function takeMails(client: ImapFlow, take: (mail: SeenMail) => void): () => void {
  const stream = (client as unknown as { streamer?: AnswerStream }).streamer;
  if (!(stream instanceof Transform)) return () => undefined;
  const toImapflow = stream._transform.bind(stream);
  const answers = new AnswerSplitter(take);
  let isOn = false;
  stream._transform = (chunk: Buffer, encoding, next) => {
    // The first chunk may begin in the midst of an answer that imapflow has begun to read; so may one behind an answer that was too long.
    isOn ||= isBetweenAnswers(stream);
    if (!isOn || stream.destroyed) return toImapflow(chunk, encoding, next);
    const { others, isOver } = answers.split(chunk);
    if (isOver) isOn = false;
    if (others.length === 0) next();
    else toImapflow(others, encoding, next);
  };
  return () => {
    Reflect.deleteProperty(stream, '_transform');
    const held = answers.held();
    if (held.length > 0 && !stream.destroyed) toImapflow(held, 'binary', () => undefined);
  };
}

function isBetweenAnswers({ state, lineBuffer, inputBuffer, literals, inputQueue }: AnswerStream): boolean {
  return state === lineState && [lineBuffer, inputBuffer, literals, inputQueue].every((buffer) => buffer.length === 0);
}

/** Splits a stream that is between two answers: mails are taken, all other answers are given back whole. */
export class AnswerSplitter {
  readonly #answers = new FetchAnswers();
  /** The beginning of an answer, and how long it must be before looking at it again tells more. */
  #parts: Buffer[] = [];
  #bytes = 0;
  #wanted = 0;

  constructor(private readonly take: (mail: SeenMail) => void) {}

  /** Gives what is no mail of ours. Over, if an answer is too long: then all there is was given back, and the rest of that answer is to follow it. */
  split(chunk: Buffer): { others: Buffer; isOver: boolean } {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#wanted && this.#bytes <= maxAnswerBytes) return { others: nothing, isOver: false };
    const input = this.held();
    const others: Buffer[] = [];
    let at = 0;
    while (at < input.length) {
      const answer = answerAt(input, at);
      if ('wanted' in answer) {
        this.#wanted = answer.wanted - at;
        break;
      }
      const mail = answer.mail && this.#answers.read(...answer.mail);
      if (mail) this.take(mail);
      else others.push(input.subarray(at, answer.end));
      at = answer.end;
    }
    const rest = input.subarray(at);
    const isOver = rest.length > maxAnswerBytes || this.#wanted > maxAnswerBytes;
    if (isOver) {
      others.push(rest);
      this.#wanted = 0;
    } else if (rest.length > 0) {
      this.#parts = [rest];
      this.#bytes = rest.length;
    }
    return { others: others.length === 1 ? others[0]! : Buffer.concat(others), isOver };
  }

  /** Gives what it holds of an answer that is not complete, and holds nothing more. */
  held(): Buffer {
    const held = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = this.#wanted = 0;
    return held;
  }
}

type Answer = { end: number; mail: [line: string, header: Buffer, rest: string] | undefined } | { wanted: number };

/** The answer that begins here, with its literals; or how far the input must reach to tell more. */
function answerAt(input: Buffer, from: number): Answer {
  let mail: [string, Buffer, string] | undefined;
  for (let at = from, literals = 0; ;) {
    const end = input.indexOf(lf, at) + 1;
    if (end === 0) return { wanted: input.length + 1 };
    const size = literalSize(input, at, end);
    if (size === undefined) {
      if (mail) mail[2] = input.toString('latin1', at, end);
      return { end, mail: literals === 1 ? mail : undefined };
    }
    literals++;
    // At least the line end behind it follows.
    if (input.length < end + size + 1) return { wanted: end + size + 1 };
    if (literals === 1) mail = [input.toString('latin1', at, end), input.subarray(end, end + size), ''];
    at = end + size;
  }
}

/** A line that ends in {123} announces so many bytes. One with a number of more digits than any of use has no end here. */
function literalSize(input: Buffer, from: number, end: number): number | undefined {
  const last = end - (input[end - 2] === cr ? 3 : 2);
  if (last < from || input[last] !== closingBrace) return undefined;
  const tail = input.toString('latin1', Math.max(from, last - longestMarker), last);
  const digits = /\{(\d+)$/.exec(tail)?.[1];
  if (digits !== undefined) return Number(digits);
  return /^\d+$/.test(tail) ? Infinity : undefined;
}
