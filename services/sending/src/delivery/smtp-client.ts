// One SMTP session of an inbox, which takes several mails one after the other.
import { Readable } from 'node:stream';
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import { within } from '@rejoinder/base/wait';
import type { MailLogin } from '@rejoinder/runtime/imap-connect';
import type { MailNetwork } from '@rejoinder/runtime/mail-settings';
import { connectSmtp, settled } from '@rejoinder/runtime/smtp-connect';
import type { Delivery } from './attempt.js';

export interface Envelope {
  from: string;
  to: string[];
}

const resetMs = 10_000;

export class SmtpClient {
  #alive = true;

  private constructor(private readonly connection: SMTPConnection) {
    connection.once('end', () => (this.#alive = false));
  }

  /** Logged in, or a Fault of the catalogue. */
  static async open(login: MailLogin, network: MailNetwork, socketTimeoutMs: number): Promise<SmtpClient> {
    return new SmtpClient(await connectSmtp(login, network, { socketTimeoutMs }));
  }

  /** Over a connection that is open, and logged in where it has to be. */
  static over(connection: SMTPConnection): SmtpClient {
    return new SmtpClient(connection);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /**
   * Hands one mail over. `beforeData` is awaited once the server has asked for the message and before its first byte is given to the socket; what it
   * throws ends the attempt with nothing said. Never throws.
   */
  async deliver(envelope: Envelope, mime: Readable, beforeData: () => Promise<void>, signal: AbortSignal): Promise<Delivery> {
    const seen: { started: boolean; sourceError?: unknown } = { started: false };
    const message = Readable.from(journaled(mime, beforeData, seen), { objectMode: false });
    try {
      const info = await this.#untilAborted(signal, () =>
        settled<{ rejected?: string[] }>(this.connection, (done) => this.connection.send(envelope, message, done)),
      );
      return { kind: 'accepted', refused: info?.rejected ?? [] };
    } catch (error) {
      await this.#recover(error, seen);
      return { kind: 'broken', error, ...seen };
    } finally {
      message.destroy();
      mime.destroy();
    }
  }

  close(): void {
    this.#alive = false;
    this.connection.quit();
    this.connection.close();
  }

  /** After a reply the session goes on with the next mail; after anything else nobody knows what the server waits for. */
  async #recover(error: unknown, { sourceError }: { sourceError?: unknown }): Promise<void> {
    const replied = typeof (error as { responseCode?: unknown }).responseCode === 'number';
    if (!this.#alive || sourceError !== undefined || !replied) return this.#drop();
    await within(
      resetMs,
      'RSET',
      settled(this.connection, (done) => this.connection.reset(done)),
    ).catch(() => this.#drop());
  }

  #drop(): void {
    this.#alive = false;
    this.connection.close();
  }

  /** nodemailer forgets the send in hand when it is closed: the abort has to be told here. */
  async #untilAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let abort: () => void = () => undefined;
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(new Error('the attempt was ended before the server answered'));
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    });
    try {
      return await Promise.race([aborted, work()]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}

async function* journaled(
  mime: Readable,
  beforeData: () => Promise<void>,
  seen: { started: boolean; sourceError?: unknown },
): AsyncGenerator<Uint8Array> {
  try {
    await beforeData();
    seen.started = true;
    for await (const chunk of mime) yield chunk as Uint8Array;
  } catch (error) {
    seen.sourceError = error;
    throw error;
  }
}
