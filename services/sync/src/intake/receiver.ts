// Takes one mail that comes to a logging address: keeps its bytes, has its sender checked meanwhile, and says in a row what it is.
import { finished } from 'node:stream/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { SMTPServerDataStream } from 'smtp-server';
import { dayOf, type Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { parseHeaders } from '@rejoinder/mail/headers';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import type { IntakeSettings } from '../config.js';
import type { LoggingAddress } from './address-store.js';
import { ChunkStore, type StoredBytes } from './chunk-store.js';
import { HeadReader } from './head.js';
import { IntakeStore, type StrangersLimits } from './intake-store.js';
import { Members, type Tenant } from './members.js';
import { SenderClient, type Envelope, type SenderCheck } from './sender-client.js';
import { summaryOf } from './summary.js';
import { heldFor } from './verdict.js';

/** What is known of a mail before it has come. */
interface Around {
  check: SenderCheck;
  from: string;
  isOwn: Tenant['isOwn'];
}

@Injectable()
export class Receiver {
  readonly #limits: StrangersLimits;

  constructor(
    private readonly chunks: ChunkStore,
    private readonly intakes: IntakeStore,
    private readonly members: Members,
    private readonly senders: SenderClient,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(SETTINGS) { quarantineMailsPerDay, quarantineBytesPerDay }: IntakeSettings,
  ) {
    this.#limits = { mails: quarantineMailsPerDay, bytes: quarantineBytesPerDay };
  }

  /** The mail is kept once this resolves, and nothing of it where it throws. The stream is read to its end in both cases. */
  async receive(stream: SMTPServerDataStream, { tenantId, inboxId }: LoggingAddress, envelope: Envelope): Promise<void> {
    const now = this.clock.now();
    const of = { tenantId, inboxId, intakeId: newId(), receivedAt: now, receivedDay: dayOf(now) };
    const check = this.senders.check(envelope);
    try {
      const { isOwn } = await this.members.of(tenantId);
      const { head, sizeBytes } = await this.#keep(stream, of, { check, from: envelope.from, isOwn });
      const proof = await check.end();
      if (proof === 'unknown') throw new Fault('busy', 'SENDER_UNKNOWN', 'DNS does not answer for the domain of the sender.');
      const headers = parseHeaders(head);
      const held = heldFor({ headers, envelopeFrom: envelope.from, proof, isOwn });
      await this.chunks.putSummary(of, summaryOf(headers));
      await this.intakes.take({ ...of, sizeBytes }, held, this.#limits);
      this.logger.info({ intakeId: of.intakeId, inboxId, sizeBytes, held: held ?? '' }, 'taken by the logging address');
    } catch (error) {
      check.abort();
      await this.chunks.remove(tenantId, [of.intakeId]).catch(() => undefined); // Bytes without a row go with their day.
      stream.resume();
      await finished(stream).catch(() => undefined);
      throw error;
    }
  }

  /** A mail of which the header tells that it will be held back is not written where the address takes no more such mail. */
  async #keep(stream: SMTPServerDataStream, of: StoredBytes, { check, from, isOwn }: Around): Promise<{ head: Buffer; sizeBytes: number }> {
    const writer = this.chunks.writer(of);
    const reader = new HeadReader();
    for await (const piece of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (stream.sizeExceeded) throw faultOf('TOO_LARGE');
      const wasWhole = reader.isWhole;
      const known = reader.take(piece);
      if (reader.isWhole && !wasWhole && heldFor({ headers: parseHeaders(reader.head), envelopeFrom: from, proof: 'proved', isOwn }))
        await this.intakes.admitStranger(of, this.#limits);
      await Promise.all([writer.write(piece), check.push(known)]);
    }
    if (stream.sizeExceeded) throw faultOf('TOO_LARGE');
    await check.push(reader.end());
    await writer.end();
    return { head: reader.head, sizeBytes: writer.sizeBytes };
  }
}
