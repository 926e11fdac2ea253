// The SMTP server of logging addresses: takes mail for addresses it knows and for nobody else, and answers alike whatever becomes of the mail.
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { Fault } from '@rejoinder/base/fault';
import { delay } from '@rejoinder/base/wait';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Drain } from '@rejoinder/runtime/drain';
import type { Logger } from '@rejoinder/runtime/logging';
import { LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import type { IntakeSettings } from '../config.js';
import { AddressStore, type LoggingAddress } from './address-store.js';
import { ClientLimits } from './client-limits.js';
import { IntakeStore } from './intake-store.js';
import { localPartOf } from './logging-address.js';
import { Receiver } from './receiver.js';

const silenceTimeoutMs = 60_000;
/** Of a connection in all: who sends a byte now and then must not hold it for ever. */
const connectionTimeoutMs = 900_000;
const closeTimeoutMs = 5_000;
/** Unknown addresses of one connection before it is closed. */
const maxUnknown = 5;
/** In its end it looks this often which clients can be sent away; one whose mail was answered has so long to say QUIT. */
const lookMs = 20;
const quitMs = 1_000;

/** What is known of a connection. */
interface Visit {
  client: string;
  address: LoggingAddress | undefined;
  unknown: number;
  limit: NodeJS.Timeout;
  /** Until then it is not sent away in our end: for ever while a mail is being taken. By performance.now(). */
  heardUntil: number;
}

@Injectable()
export class SmtpDoor implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #server: SMTPServer;
  readonly #limits: ClientLimits;
  readonly #visits = new Map<string, Visit>();

  constructor(
    @Inject(SETTINGS) private readonly settings: IntakeSettings,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly addresses: AddressStore,
    private readonly intakes: IntakeStore,
    private readonly receiver: Receiver,
    private readonly drain: Drain,
  ) {
    drain.add((deadline) => this.#sendAway(deadline));
    this.#limits = new ClientLimits({ connections: settings.connectionsPerClient, mailsPerMinute: settings.mailsPerMinute });
    const certificate = certificateOf(settings);
    this.#server = new SMTPServer({
      ...certificate,
      minVersion: 'TLSv1.2',
      name: settings.domain,
      disabledCommands: ['AUTH', ...(certificate ? [] : ['STARTTLS'])],
      disableReverseLookup: true,
      hideENHANCEDSTATUSCODES: false,
      size: settings.mailLimitBytes,
      maxClients: settings.connections,
      socketTimeout: silenceTimeoutMs,
      closeTimeout: closeTimeoutMs,
      logger: false,
      onConnect: (session, done) => done(this.#enter(session)),
      onClose: (session) => this.#leave(session),
      onMailFrom: (_address, session, done) => done(this.#mayMail(session)),
      onRcptTo: ({ address }, session, done) =>
        void this.#recipient(address, session).then(done, (error: unknown) => done(this.#trouble(error))),
      onData: (stream, session, done) =>
        void this.#data(stream, session)
          .then(
            () => done(null, 'Taken'),
            (error: unknown) => done(this.#trouble(error)),
          )
          .finally(() => this.#hear(session, quitMs)),
    });
    // Of one connection, such as a TLS handshake that failed; the server goes on.
    this.#server.on('error', (error: Error & { code?: string }) => this.logger.info({ code: error.code }, 'an SMTP connection broke'));
  }

  async onApplicationBootstrap(): Promise<void> {
    const [host, port] = this.settings.listen.split(/:(?=\d+$)/) as [string, string];
    await new Promise<void>((resolve, reject) => {
      this.#server.server.once('error', reject);
      this.#server.listen(Number(port), host.replace(/^\[|\]$/g, ''), () => {
        this.#server.server.off('error', reject);
        resolve();
      });
    }).catch((error: NodeJS.ErrnoException) => {
      throw new Fault('conflict', 'PORT_IN_USE', `REJOINDER_INTAKE_LISTEN: ${this.settings.listen} cannot be opened (${error.code}).`);
    });
    this.logger.info({ port: this.port() }, 'mail is taken for logging addresses');
  }

  async onModuleDestroy(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  port(): number {
    return (this.#server.server.address() as AddressInfo).port;
  }

  #enter({ id, remoteAddress }: SMTPServerSession): Error | undefined {
    if (this.drain.closing.aborted) return goingAway();
    if (!this.#limits.enter(remoteAddress)) return reply(421, 'Too many connections');
    const limit = setTimeout(() => this.#end(id), connectionTimeoutMs);
    this.#visits.set(id, { client: remoteAddress, address: undefined, unknown: 0, limit, heardUntil: 0 });
    return undefined;
  }

  #leave({ id }: SMTPServerSession): void {
    const visit = this.#visits.get(id);
    if (!visit) return;
    clearTimeout(visit.limit);
    this.#limits.leave(visit.client);
    this.#visits.delete(id);
  }

  #end(id: string): void {
    for (const connection of this.#server.connections) if (connection.session.id === id) connection.close();
  }

  #hear({ id }: SMTPServerSession, ms: number): void {
    const visit = this.#visits.get(id);
    if (visit) visit.heardUntil = performance.now() + ms;
  }

  /** RFC 5321 3.8 and 4.2.2: who is told 421 comes again later. A mail under way is taken to its end: its sender would send it once more. */
  async #sendAway(deadline: AbortSignal): Promise<string[]> {
    const { connections } = this.#server;
    const heardUntil = (id: string) => this.#visits.get(id)?.heardUntil ?? 0;
    while (connections.size > 0) {
      const late = deadline.aborted;
      const cut = [...connections].filter(({ session }) => heardUntil(session.id) === Infinity);
      for (const connection of connections)
        if (late || heardUntil(connection.session.id) <= performance.now()) connection.send(421, 'Shutting down');
      if (late) return cut.map(() => 'a mail that was being taken');
      await delay(lookMs, deadline);
    }
    return [];
  }

  #mayMail({ id }: SMTPServerSession): Error | undefined {
    const visit = this.#visits.get(id);
    if (!visit) return gone();
    if (this.drain.closing.aborted) return goingAway();
    visit.address = undefined;
    return this.#limits.mail(visit.client, Date.now()) ? undefined : reply(450, 'Too many mails, try again later');
  }

  /** One address of a mail: a mail server sends the mail once more for each that was put off, and each is sealed for its own tenant. */
  async #recipient(address: string, { id }: SMTPServerSession): Promise<Error | undefined> {
    const visit = this.#visits.get(id);
    if (!visit) return gone();
    if (visit.address) return reply(452, 'One recipient at a time');
    const localPart = localPartOf(address, this.settings.domain);
    const found = localPart === undefined ? undefined : await this.addresses.find(localPart);
    if (!found) {
      if (++visit.unknown >= maxUnknown) this.#end(id);
      return reply(550, 'No such address');
    }
    if ((await this.intakes.takenWithinDay(found)) >= this.settings.mailsPerDay) return tomorrow();
    visit.address = found;
    return undefined;
  }

  async #data(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<void> {
    this.#hear(session, Infinity);
    const { id, envelope, remoteAddress, hostNameAppearsAs } = session;
    const from = envelope.mailFrom ? envelope.mailFrom.address : '';
    const address = this.#visits.get(id)?.address;
    if (!address) throw faultOf('CONNECTION_LOST');
    await this.receiver.receive(stream, address, {
      from,
      ip: remoteAddress,
      helo: hostNameAppearsAs || remoteAddress,
    });
  }

  /** What is our trouble is told as ours, and tried again by the sender; never in the words of what failed. */
  #trouble(error: unknown): Error {
    if (error instanceof Fault && error.code === 'HEADER_TOO_LARGE') return reply(552, 'The header is too large');
    if (error instanceof Fault && error.kind === 'too_large') return reply(552, 'The mail is too large');
    if (error instanceof Fault && error.code === 'QUARANTINE_FULL') return tomorrow();
    if (error instanceof Fault && error.code === 'INBOX_REMOVED') return reply(550, 'No such address');
    if (!(error instanceof Fault)) this.logger.warn({ error }, 'a mail could not be taken');
    return reply(451, 'Try again later');
  }
}

/** The connection was closed while it was still speaking. */
const gone = (): Error => reply(421, 'Bye');
const tomorrow = (): Error => reply(452, 'Try again tomorrow');
const goingAway = (): Error => reply(421, 'Shutting down');
const reply = (responseCode: number, text: string): Error => Object.assign(new Error(text), { responseCode });

function certificateOf({ certificateFile, certificateKeyFile }: IntakeSettings): { cert: Buffer; key: Buffer } | undefined {
  if (certificateFile === undefined || certificateKeyFile === undefined) {
    if (certificateFile === certificateKeyFile) return undefined;
    throw new Fault('invalid', 'SETTINGS', 'REJOINDER_INTAKE_CERTIFICATE_FILE and REJOINDER_INTAKE_CERTIFICATE_KEY_FILE go together.');
  }
  try {
    return { cert: readFileSync(certificateFile), key: readFileSync(certificateKeyFile) };
  } catch {
    throw new Fault('invalid', 'SETTINGS', 'REJOINDER_INTAKE_CERTIFICATE_FILE or _KEY_FILE names a file that cannot be read.');
  }
}
