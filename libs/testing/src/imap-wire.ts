// Stands between an IMAP client and its server, ends TLS on both sides, and writes down all that was said.
import { once } from 'node:events';
import { connect as connectTls, createServer, type Server, type TLSSocket } from 'node:tls';
import type { TestCa } from './certificates.js';
import { ImapLines, type ImapLine } from './imap-lines.js';
import { ImapSession, type FetchedSection } from './imap-session.js';
import { portOf } from './tcp-proxy.js';

export type { FetchedSection } from './imap-session.js';

export interface WireLine extends ImapLine {
  from: 'client' | 'server';
  /** Counts the connections from 1. */
  connection: number;
  at: Date;
}

export interface ImapWireOptions {
  /** The server's port with TLS from the start. */
  port: number;
  /** Signed the server's certificate, and signs the wire's own. */
  ca: TestCa;
  host?: string;
}

export interface ImapWire extends AsyncDisposable {
  readonly port: number;
  readonly ca: TestCa;
  readonly log: WireLine[];
  /** Lines of the client, without their tags; passwords included. */
  commands(): string[];
  /** Every section of a mail that came from the server. A line is here before the client can have seen it. */
  sections(): FetchedSection[];
  /** Those that say what a mail says: every body section, whole mails and previews included, but no header. */
  bodies(): FetchedSection[];
  /** Whether these bytes came from the server, or went to it, anywhere. */
  carried(bytes: string | Buffer): boolean;
  connections(): number;
  /** Cuts every open connection. */
  cut(): void;
  clear(): void;
  stop(): Promise<void>;
}

interface Records {
  log: WireLine[];
  sections: FetchedSection[];
  faults: Error[];
  open: Set<TLSSocket>;
  count: number;
}

export async function startImapWire({ port, ca, host = 'localhost' }: ImapWireOptions): Promise<ImapWire> {
  const records: Records = { log: [], sections: [], faults: [], open: new Set(), count: 0 };
  const { cert, key } = await ca.issue();
  const server = createServer({ cert, key, noDelay: true }, (client) => {
    const upstream = connectTls({ host: '127.0.0.1', port, ca: ca.pem, servername: host });
    upstream.setNoDelay(true);
    join(client, upstream, records);
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return handle(server, ca, records);
}

function handle(server: Server, ca: TestCa, records: Records): ImapWire {
  const cut = () => {
    for (const socket of records.open) socket.destroy();
  };
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    cut();
    await closed;
  };
  // What could not be read may have been a body: then nothing can be proven.
  const proven = () => {
    if (records.faults[0]) throw new Error('the wire could not read all of the IMAP', { cause: records.faults[0] });
    return records.sections;
  };
  return {
    port: portOf(server),
    ca,
    log: records.log,
    commands: () => records.log.filter((line) => line.from === 'client').map((line) => line.text.replace(/^\S+ /, '')),
    sections: () => [...proven()],
    bodies: () => proven().filter((section) => section.kind === 'body'),
    carried: (bytes) => records.log.some((line) => holds(line, Buffer.from(bytes))),
    connections: () => records.open.size / 2,
    cut,
    clear: () => {
      records.log.length = records.sections.length = records.faults.length = 0;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function holds({ text, literals }: WireLine, bytes: Buffer): boolean {
  return text.includes(bytes.toString('latin1')) || literals.some((literal) => literal.includes(bytes));
}

function join(client: TLSSocket, server: TLSSocket, records: Records): void {
  const connection = ++records.count;
  const session = new ImapSession(connection, (section) => records.sections.push(section));
  const note = (from: 'client' | 'server') => (line: ImapLine) => {
    records.log.push({ ...line, from, connection, at: new Date() });
    if (from === 'client') session.fromClient(line);
    else session.fromServer(line);
  };
  pass(client, server, new ImapLines('client', note('client')), records);
  pass(server, client, new ImapLines('server', note('server')), records);
}

/** The lines are read before the bytes are passed on, so that the log is never behind what the other side knows. */
function pass(from: TLSSocket, to: TLSSocket, lines: ImapLines, records: Records): void {
  records.open.add(from);
  let readable = true;
  from.on('data', (chunk: Buffer) => {
    try {
      if (readable) lines.push(chunk);
    } catch (error) {
      readable = false;
      records.faults.push(error as Error);
    }
    if (!to.write(chunk)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  });
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
  from.on('close', () => {
    records.open.delete(from);
    to.end();
  });
}
