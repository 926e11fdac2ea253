// Asks DNS what the domain of a mail's sender says of it: DMARC by SPF and DKIM, checked while the mail comes in.
import { once } from 'node:events';
import { promises as dns } from 'node:dns';
import { PassThrough } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { authenticate, type DNSResolver } from 'mailauth';
import { within } from '@rejoinder/base/wait';
import type { Logger } from '@rejoinder/runtime/logging';
import { LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import type { IntakeSettings } from '../config.js';
import { proofOf, type Proof } from './verdict.js';

/** What the connection says of who sends. */
export interface Envelope {
  from: string;
  ip: string;
  helo: string;
}

const queryTimeoutMs = 3_000;
const queryTries = 2;
/** From the last byte of the mail on. */
const answerTimeoutMs = 30_000;
const minKeyBits = 1_024;

@Injectable()
export class SenderClient {
  readonly #resolve: DNSResolver;

  constructor(
    @Inject(SETTINGS) private readonly settings: IntakeSettings,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const resolver = new dns.Resolver({ timeout: queryTimeoutMs, tries: queryTries });
    if (settings.dnsServers.length > 0) resolver.setServers(settings.dnsServers);
    this.#resolve = (domain, type) => resolver.resolve(domain, type) as Promise<string[]>;
  }

  /** Hand it the mail's bytes as they come. */
  check({ from, ip, helo }: Envelope): SenderCheck {
    const input = new PassThrough();
    const answer = authenticate(input, {
      ip,
      helo,
      sender: from,
      mta: this.settings.domain,
      resolver: this.#resolve,
      minBitLength: minKeyBits,
      rejectRsaSha1: true,
      disableArc: true,
      disableBimi: true,
    });
    return new SenderCheck(
      input,
      answer.then(proofOf, (error: unknown): Proof => {
        this.logger.warn({ error }, 'a sender could not be checked');
        return 'unknown';
      }),
    );
  }
}

export class SenderCheck {
  #isOver = false;

  constructor(
    private readonly input: PassThrough,
    private readonly proof: Promise<Proof>,
  ) {
    void proof.then(() => (this.#isOver = true));
  }

  /** Waits where the check is slower than the sender. */
  async push(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) await this.#push(piece);
  }

  async #push(piece: Buffer): Promise<void> {
    if (this.#isOver || this.input.write(piece)) return;
    const drained = new AbortController();
    const drain = once(this.input, 'drain', { signal: drained.signal }).catch(() => undefined);
    await Promise.race([drain, this.proof]);
    drained.abort();
  }

  /** `unknown` where DNS did not answer in time. */
  async end(): Promise<Proof> {
    this.input.end();
    return within(answerTimeoutMs, 'the check of a sender', this.proof).catch(() => 'unknown' as const);
  }

  /** The mail was broken off. */
  abort(): void {
    this.input.destroy();
  }
}
