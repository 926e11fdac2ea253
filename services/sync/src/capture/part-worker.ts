// Streams each attachment that may be fetched from the mail server to the attachment service, until that service has settled it.
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { backoffMs } from '@rejoinder/base/wait';
import { AttachmentService, type UploadResponse } from '@rejoinder/contracts/api/attachment';
import { AttachmentState } from '@rejoinder/contracts/mail';
import type { SizeLimits } from '@rejoinder/mail/size-rule';
import { Database } from '@rejoinder/runtime/database';
import type { Logger } from '@rejoinder/runtime/logging';
import { Peers } from '@rejoinder/runtime/peers';
import { CLOCK, LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import { again, gaveUp, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { Vault } from '@rejoinder/vault/vault';
import type { SyncSettings } from '../config.js';
import type { ImapSession } from '../imap/imap-session.js';
import { isBreak } from '../inbox/header-reader.js';
import type { Holder } from '../inbox/holder.js';
import { Holders } from '../inbox/holders.js';
import { Owner } from '../inbox/owner-store.js';
import { maxBreaks } from '../inbox/suspects.js';
import { tenantHash, type TenantHash } from '../inbox/tenant-hash.js';
import { KeptCopies } from '../intake/kept-copy.js';
import { LocationStore, placesIn, type Location } from './location-store.js';
import { findCopy } from './mail-copy.js';
import { encodedWindows, goneSteps, uploadSteps, windowBytes, type FetchWindow } from './part-stream.js';
import { PartStore, type Part } from './part-store.js';

const uploadTimeoutMs = 1_800_000;
const giveUpTimeoutMs = 30_000;
const leaseMs = uploadTimeoutMs + 120_000;
/** Of a larger mail nothing is fetched on the session's own connection. */
const largeMailBytes = 1_000_000;
const firstRetryMs = 2_000;
const maxRetryMs = 900_000;
const noSessionMs = 30_000;
/** The mail was not found anywhere for so long, or the other side was away: the attachment is given up. */
const maxWaitMs = 7 * 86_400_000;

@Injectable()
export class PartWorker implements OnModuleInit {
  constructor(
    private readonly workers: Workers,
    private readonly database: Database,
    private readonly owner: Owner,
    private readonly parts: PartStore,
    private readonly locations: LocationStore,
    private readonly holders: Holders,
    private readonly kept: KeptCopies,
    private readonly peers: Peers,
    private readonly vault: Vault,
    @Inject(SETTINGS) private readonly settings: SyncSettings,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.workers.add({
      name: 'part',
      table: 'part',
      key: 'attachment_id',
      filter: { where: 'partitions && $5::int[]', value: () => this.owner.partitions() },
      concurrency: this.settings.parts,
      leaseMs,
      work: (job, signal) => this.#work(job, signal),
    });
  }

  async #work({ tenantId, key, attempts }: Job, signal: AbortSignal): Promise<WorkOutcome> {
    const part = await this.parts.find(tenantId, key);
    if (part?.state !== 'pending') return workDone;
    const now = this.clock.now().getTime();
    if (now - Date.parse(`${part.sealedDay}T00:00:00Z`) > maxWaitMs) return this.#giveUp(part, attempts, signal);
    const places = await this.database.read({ tenants: [tenantId] }, (tx) => this.locations.find(tx, tenantId, part.mailId));
    const { here, elsewhere } = placesIn(this.holders.liveInboxes(), places);
    const tenant = tenantHash(await this.vault.hasher(tenantId));
    for (const at of here) {
      const holder = this.holders.live(at.inboxId);
      if (!holder) continue;
      try {
        const answer = await this.#send(holder, at, part, tenant, signal);
        if (answer) return await this.#answered(part, answer);
        await this.locations.gone(tenantId, at);
      } catch (error) {
        if (isBreak(error) && !holder.live() && (await this.parts.broke(part)) >= maxBreaks) return this.#giveUp(part, attempts, signal);
        return this.#refused(part, attempts, error);
      }
    }
    const kept = await this.kept.part(tenantId, part.mailId, part.partId);
    if (kept) return this.#sendKept(kept, part, attempts, signal);
    return again(
      new Date(now + (elsewhere > 0 ? noSessionMs : backoffMs(attempts, firstRetryMs, maxRetryMs))),
      elsewhere > 0 ? 'no_session' : 'moved',
    );
  }

  /** Of a mail that a member logged by hand. */
  async #sendKept(window: FetchWindow, part: Part, attempts: number, signal: AbortSignal): Promise<WorkOutcome> {
    try {
      return await this.#answered(part, await this.#upload(part, encodedWindows(window, part.encodedSizeBytes), signal));
    } catch (error) {
      return this.#refused(part, attempts, error);
    }
  }

  /** Nobody is to wait for it any longer: the attachment service says so to those who do. */
  async #giveUp(part: Part, attempts: number, signal: AbortSignal): Promise<WorkOutcome> {
    try {
      const answer = await this.peers.client(AttachmentService).upload(goneSteps(part), { deadlineMs: giveUpTimeoutMs, signal });
      return await this.#settle(part, answer.state === AttachmentState.STORED ? 'stored' : 'gone');
    } catch (error) {
      return this.#refused(part, attempts, error);
    }
  }

  /** By the mail server or by the attachment service, which knows of no such attachment once its mail was forgotten. */
  async #refused(part: Part, attempts: number, error: unknown): Promise<WorkOutcome> {
    if (!(error instanceof Fault)) throw error;
    if (error.kind === 'not_found') return this.#settle(part, 'gone');
    const at = this.clock.now().getTime() + backoffMs(attempts, firstRetryMs, maxRetryMs);
    return again(new Date(at), error.code.toLowerCase().slice(0, 60));
  }

  /** The other side's answer, or undefined where the mail is no longer at this place. */
  async #send(holder: Holder, at: Location, part: Part, tenant: TenantHash, signal: AbortSignal): Promise<UploadResponse | undefined> {
    if (part.mailSizeBytes <= largeMailBytes && part.encodedSizeBytes <= windowBytes) {
      const bytes = await holder.use(async (imap) =>
        (await findCopy(imap, at, part.mailId, tenant)) ? window(imap, at, part, 0, windowBytes + 1) : undefined,
      );
      // A part that is larger than it was declared takes the other way.
      if (bytes === undefined || bytes.length <= windowBytes) return bytes && this.#upload(part, [bytes], signal);
    }
    return holder.useSecond(async (imap) => {
      if (!(await findCopy(imap, at, part.mailId, tenant))) return undefined;
      return this.#upload(
        part,
        encodedWindows((start, maxBytes) => window(imap, at, part, start, maxBytes), part.encodedSizeBytes),
        signal,
      );
    });
  }

  #upload(part: Part, windows: AsyncIterable<Buffer> | Buffer[], signal: AbortSignal): Promise<UploadResponse> {
    const { mailLimitBytes, partLimitBytes } = this.settings;
    const limits: SizeLimits = { mailLimitBytes, partLimitBytes, attachmentsOn: true };
    const steps = uploadSteps(part, toAsync(windows), limits);
    return this.peers.client(AttachmentService).upload(steps, { deadlineMs: uploadTimeoutMs, signal });
  }

  async #answered(part: Part, { state, reason }: UploadResponse): Promise<WorkOutcome> {
    if (state === AttachmentState.STORED) return this.#settle(part, 'stored');
    if (state === AttachmentState.REJECTED) return this.#settle(part, 'rejected', reason);
    return again(new Date(this.clock.now().getTime() + noSessionMs), 'not_settled');
  }

  async #settle(part: Part, state: 'stored' | 'rejected' | 'gone', reason = ''): Promise<WorkOutcome> {
    await this.parts.settle(part, state);
    this.logger.info({ attachmentId: part.attachmentId, mailId: part.mailId, state }, 'attachment settled');
    return state === 'stored' ? workDone : gaveUp(reason || state);
  }
}

async function window(
  imap: ImapSession,
  { uid }: Location,
  { partId }: Part,
  start: number,
  maxBytes: number,
): Promise<Buffer | undefined> {
  return (await imap.sections(uid, [{ section: partId, start, maxBytes }]))?.get(partId);
}

async function* toAsync(windows: AsyncIterable<Buffer> | Buffer[]): AsyncGenerator<Buffer> {
  yield* windows;
}
