// The mail exchanger behind submission: takes every mail, keeps it for the test to see, and posts it to local users.
import { once } from 'node:events';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { portOf } from './tcp-proxy.js';

export interface AcceptedMail {
  from: string;
  to: string[];
  raw: Buffer;
}

export interface RelayControl {
  /** Every mail that was accepted, those included whose sender was not told so. */
  readonly accepted: AcceptedMail[];
  /** Answers the next mail, once it was sent in full, with this code and text. May be called several times. */
  refuseNext(code: number, text: string): void;
  /** Answers the next RCPT TO with this code and text. */
  refuseNextRecipient(code: number, text: string): void;
  /** Makes another of the next mail once it was sent in full, as a provider does that writes its own headers. */
  changeNext(change: (raw: Buffer) => Buffer): void;
  /** Accepts and delivers the next mail, but cuts the sender's connection before it hears of it. */
  dropAfterData(): void;
}

export interface Relay extends RelayControl {
  readonly port: number;
  stop(): Promise<void>;
}

export interface RelayOptions {
  deliver(mail: AcceptedMail): Promise<void>;
  /** Cuts the sender off: the relay itself sees only Dovecot's end of the connection. */
  cutSenders(): void;
}

type Ending = { kind: 'refuse'; code: number; text: string } | { kind: 'drop' } | { kind: 'change'; change: (raw: Buffer) => Buffer };

export async function startRelay({ deliver, cutSenders }: RelayOptions): Promise<Relay> {
  const accepted: AcceptedMail[] = [];
  const endings: Ending[] = [];
  const refusedRecipients: { code: number; text: string }[] = [];
  const take = async (sent: AcceptedMail): Promise<void> => {
    const ending = endings.shift();
    if (ending?.kind === 'refuse') throw refusal(ending.code, ending.text);
    const mail = ending?.kind === 'change' ? { ...sent, raw: ending.change(sent.raw) } : sent;
    accepted.push(mail);
    await deliver(mail);
    if (ending?.kind === 'drop') {
      cutSenders();
      throw refusal(421, '4.3.2 connection dropped');
    }
  };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    hidePIPELINING: false,
    onRcptTo(_address, _session, done) {
      const refused = refusedRecipients.shift();
      done(refused ? refusal(refused.code, refused.text) : undefined);
    },
    onData(stream, session, done) {
      readMail(stream, session)
        .then(take)
        .then(() => done(), done);
    },
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    accepted,
    port: portOf(server.server),
    refuseNext: (code, text) => void endings.push({ kind: 'refuse', code, text }),
    refuseNextRecipient: (code, text) => void refusedRecipients.push({ code, text }),
    changeNext: (change) => void endings.push({ kind: 'change', change }),
    dropAfterData: () => void endings.push({ kind: 'drop' }),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function readMail(stream: SMTPServerDataStream, { envelope }: SMTPServerSession): Promise<AcceptedMail> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return {
    from: envelope.mailFrom ? envelope.mailFrom.address : '',
    to: envelope.rcptTo.map(({ address }) => address),
    raw: Buffer.concat(chunks),
  };
}

const refusal = (responseCode: number, text: string): Error => Object.assign(new Error(text), { responseCode });
