// Puts the copy of a sent mail into Sent, unless the provider did: it is looked for first, and after every stop in between.
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { backoffMs } from '@rejoinder/base/wait';
import { SendingService } from '@rejoinder/contracts/api/sending';
import { SEND_HEADER } from '@rejoinder/mail/send-mark';
import type { Logger } from '@rejoinder/runtime/logging';
import { Peers } from '@rejoinder/runtime/peers';
import { CLOCK, LOGGER } from '@rejoinder/runtime/tokens';
import { again, gaveUp, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import type { ImapSession } from '../imap/imap-session.js';
import type { Holder } from '../inbox/holder.js';
import { Holders } from '../inbox/holders.js';
import { Owner } from '../inbox/owner-store.js';
import { savesSentItself } from './provider.js';
import { SentCopyStore, type SentCopy } from './sent-copy-store.js';

const concurrency = 2;
const leaseMs = 300_000;
const readTimeoutMs = 120_000;
/** A sent mail with its attachments in base64. */
const maxMimeBytes = 45_000_000;
/** A larger copy goes over a connection of its own. */
const largeBytes = 1_000_000;
const noSessionMs = 30_000;
const firstRetryMs = 5_000;
const maxRetryMs = 900_000;
const maxTries = 40;
/** A provider that saves by itself is looked at so often. */
const maxLooks = 6;
const newSentFolder = 'Sent';

@Injectable()
export class SentCopyWorker implements OnModuleInit {
  constructor(
    private readonly workers: Workers,
    private readonly owner: Owner,
    private readonly copies: SentCopyStore,
    private readonly holders: Holders,
    private readonly peers: Peers,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.workers.add({
      name: 'sent copy',
      table: 'sent_copy',
      key: 'send_id',
      filter: { where: 'partition = any ($5::int[])', value: () => this.owner.partitions() },
      concurrency,
      leaseMs,
      work: (job) => this.#work(job),
    });
  }

  async #work({ tenantId, key, attempts }: Job): Promise<WorkOutcome> {
    const copy = await this.copies.find(tenantId, key);
    if (!copy || (copy.state !== 'wanted' && copy.state !== 'append_started')) return workDone;
    const holder = this.holders.live(copy.inboxId);
    if (!holder) return this.#later(noSessionMs, 'no_session');
    try {
      const path = holder.sentPath() ?? newSentFolder;
      holder.lookSoon(path);
      if (await this.#isThere(holder, path, copy)) return await this.#end(copy, 'found');
      if (savesSentItself(holder.host()))
        return attempts < maxLooks
          ? this.#later(backoffMs(attempts, firstRetryMs, maxRetryMs), 'provider_saves')
          : await this.#end(copy, 'failed');
      await this.#append(holder, path, copy);
      holder.lookSoon(path);
      return await this.#end(copy, 'filed');
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (error.kind === 'not_found' || attempts >= maxTries) return this.#end(copy, 'failed');
      return this.#later(backoffMs(attempts, firstRetryMs, maxRetryMs), error.code.toLowerCase().slice(0, 60));
    }
  }

  /** Observed in Sent, or found there by the id of the send, in our header and in the Message-ID: a provider may have changed either. */
  async #isThere(holder: Holder, path: string, copy: SentCopy): Promise<boolean> {
    if (await this.copies.observed(copy)) return true;
    if (holder.sentPath() === undefined) return false;
    return holder.use(async (imap) => {
      await imap.open(path);
      for (const name of [SEND_HEADER, 'Message-ID']) if ((await imap.uids({ header: { [name]: copy.sendId } })).length > 0) return true;
      return false;
    });
  }

  async #append(holder: Holder, path: string, copy: SentCopy): Promise<void> {
    const mime = await this.#mime(copy);
    const work = async (imap: ImapSession) => {
      if (holder.sentPath() === undefined) await imap.create(path);
      await this.copies.say(copy, 'append_started');
      await imap.append(path, mime, this.clock.now());
    };
    await (mime.length > largeBytes ? holder.useSecond(work) : holder.use(work));
  }

  /** IMAP wants the length before the first byte, so the mail is held whole: bounded, and two at a time at the most. */
  async #mime({ tenantId, sendId }: SentCopy): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const { chunk } of this.peers.client(SendingService).readSentMime({ tenantId, sendId }, { deadlineMs: readTimeoutMs })) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxMimeBytes) throw new Fault('not_found', 'TOO_LARGE', 'The sent mail is too large to be filed.');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  async #end(copy: SentCopy, state: 'filed' | 'found' | 'failed'): Promise<WorkOutcome> {
    await this.copies.say(copy, state);
    this.logger.info({ sendId: copy.sendId, inboxId: copy.inboxId, state }, 'copy in Sent settled');
    return state === 'failed' ? gaveUp('SENT_COPY_FAILED') : workDone;
  }

  #later(ms: number, reason: string): WorkOutcome {
    return again(new Date(this.clock.now().getTime() + ms), reason);
  }
}
