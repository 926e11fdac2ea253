// Hands notices to the operator's own SMTP relay, encrypted as everywhere; off unless it is set.
import { Inject, Injectable } from '@nestjs/common';
import MailComposer from 'nodemailer/lib/mail-composer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Readable } from 'node:stream';
import { Fault } from '@rejoinder/base/fault';
import { openMailNetwork } from '@rejoinder/runtime/mail-settings';
import { settled, smtpFault } from '@rejoinder/runtime/smtp-connect';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { SendingSettings } from '../config.js';
import type { Delivery } from '../delivery/attempt.js';
import { SmtpClient } from '../delivery/smtp-client.js';
import { wireAddress } from '../mail/compose.js';
import type { NoticeMail } from './notice.js';

export interface RelaySettings {
  server: URL;
  from: string;
  /** Where people reach the gateway, without a slash at its end. */
  publicUrl: string;
}

const timeoutMs = 20_000;
const deliverMs = 60_000;
const ports: Record<string, number> = { 'smtps:': 465, 'smtp:': 587 };

@Injectable()
export class RelayClient {
  /** Undefined where no notice is mailed. */
  readonly relay: RelaySettings | undefined;

  constructor(@Inject(SETTINGS) private readonly settings: SendingSettings) {
    this.relay = relayOf(settings);
  }

  /** `beforeData` is awaited before the first byte of the message. Never throws. */
  async deliver(
    { server, from }: RelaySettings,
    mail: NoticeMail,
    beforeData: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<Delivery> {
    const connection = new SMTPConnection({
      host: server.hostname,
      port: Number(server.port) || ports[server.protocol],
      secure: server.protocol === 'smtps:',
      requireTLS: true,
      tls: { secureContext: openMailNetwork(this.settings).secureContext, rejectUnauthorized: true },
      name: '[127.0.0.1]',
      logger: false,
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
    });
    connection.on('error', () => undefined);
    try {
      await settled(connection, (done) => connection.connect(done));
      const [user, pass] = [decodeURIComponent(server.username), decodeURIComponent(server.password)];
      if (user !== '') await settled(connection, (done) => connection.login({ user, credentials: { user, pass } }, done));
      const session = SmtpClient.over(connection);
      const envelope = { from: addressIn(from), to: [wireAddress(mail.to)] };
      return await session.deliver(envelope, streamOf(mail), beforeData, AbortSignal.any([signal, AbortSignal.timeout(deliverMs)]));
    } catch (error) {
      return { kind: 'broken', error: smtpFault(error), started: false };
    } finally {
      connection.close();
    }
  }
}

/** Refuses, by name, where only a part of it is set. */
function relayOf({ noticesSmtp, noticesFrom, publicUrl }: SendingSettings): RelaySettings | undefined {
  if (!noticesSmtp) return undefined;
  if (!noticesFrom || !publicUrl)
    throw new Fault('invalid', 'SETTINGS', 'REJOINDER_NOTICES_SMTP_URL needs REJOINDER_NOTICES_FROM and REJOINDER_PUBLIC_URL beside it.');
  return { server: new URL(noticesSmtp.reveal()), from: noticesFrom, publicUrl: publicUrl.replace(/\/+$/, '') };
}

/** The address of "Name <address>". */
const addressIn = (from: string): string => wireAddress(/<([^<>]+)>\s*$/.exec(from)?.[1] ?? from);

function streamOf(mail: NoticeMail): Readable {
  const composer = new MailComposer({
    ...mail,
    to: wireAddress(mail.to),
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().createReadStream() as Readable;
}
