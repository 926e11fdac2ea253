// Logs mails that came by logging addresses, each to whom it belongs, or holds them back; and lets go of them when their days are over.
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { chainOf } from '@rejoinder/mail/chain';
import { allValues, firstValue, type MailHeaders } from '@rejoinder/mail/headers';
import type { Forwarded } from '@rejoinder/mail/forward';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, LOGGER } from '@rejoinder/runtime/tokens';
import { again, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { addressesOf, observe, type Observation } from '../inbox/observe.js';
import { SessionStore } from '../inbox/session-store.js';
import { Forwards } from './forwards.js';
import { IntakeStore, type IntakeRow, type Logged, type StoredMail } from './intake-store.js';
import { Members, type Tenant } from './members.js';
import { OriginalStore, type Original } from './original-store.js';
import { heldAsForwarded, isBcc, whyNobody } from './sort.js';
import { StoredMails, type OpenedMail } from './stored-mails.js';
import type { HeldReason } from './verdict.js';

type Sorted = HeldReason | (Logged & { inboxId: string });

const concurrency = 4;
/** Mails of 55 MB are read twice and written once. */
const leaseMs = 300_000;

@Injectable()
export class IntakeWorker implements OnModuleInit {
  constructor(
    private readonly workers: Workers,
    private readonly intakes: IntakeStore,
    private readonly sessions: SessionStore,
    private readonly members: Members,
    private readonly mails: StoredMails,
    private readonly forwards: Forwards,
    private readonly originals: OriginalStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.workers.add({ name: 'intake', table: 'intake', key: 'intake_id', concurrency, leaseMs, work: (job) => this.#work(job) });
  }

  async #work({ tenantId, key }: Job): Promise<WorkOutcome> {
    const row = await this.intakes.find(tenantId, key);
    if (!row) return workDone;
    const expiresAt = this.intakes.expiresAt(row);
    const isOver = expiresAt <= this.clock.now();
    if (!isOver && row.state !== 'received') return again(expiresAt, 'kept');
    const opened = isOver ? undefined : await this.mails.open(row);
    if (!opened) {
      await this.intakes.expire(row);
      return workDone;
    }
    const sorted = await this.#sort(row, opened, await this.members.of(tenantId));
    if (typeof sorted === 'string') await this.intakes.hold(row, sorted);
    else await this.#log(row, sorted);
    return again(expiresAt, 'kept');
  }

  async #log(row: IntakeRow, sorted: Logged & { inboxId: string }): Promise<void> {
    const session = await this.sessions.find(row.tenantId, sorted.inboxId);
    // The inbox was removed meanwhile: its rows go with it.
    if (!session) return;
    await this.intakes.log(row, session, sorted);
    this.logger.info(
      { intakeId: row.intakeId, inboxId: sorted.inboxId, mails: sorted.observations.length },
      'logged by the logging address',
    );
  }

  async #sort(row: IntakeRow, opened: OpenedMail, tenant: Tenant): Promise<Sorted> {
    if (isBcc(opened.headers, tenant)) return this.#logged(row, tenant, [opened]);
    const attached = await this.forwards.attached(opened);
    if (attached.length > 0) return this.#stored(row, tenant, attached);
    const forwarded = await this.forwards.quoted(opened);
    if (!forwarded) return whyNobody(opened.headers, tenant);
    const original = row.reason === '' ? await this.#original(row, opened, forwarded, tenant) : undefined;
    if (original) return { inboxId: original.inboxId, observations: [this.#observe(original, tenant)], stored: [] };
    return this.#stored(row, tenant, [await this.forwards.rebuilt(opened, forwarded)]);
  }

  /** Those of the mails taken out that are somebody's; if none is, why. */
  async #stored(row: IntakeRow, tenant: Tenant, mails: StoredMail[]): Promise<Sorted> {
    const good: OpenedMail[] = [];
    let held: HeldReason = 'no_sender_found';
    for (const mail of mails) {
      const opened = await this.mails.open(mail);
      const reason = opened ? heldAsForwarded(opened.headers, tenant) : 'no_sender_found';
      if (opened && reason === undefined) good.push(opened);
      else {
        held = reason ?? held;
        await this.forwards.drop([mail]);
      }
    }
    return good.length > 0 ? this.#logged(row, tenant, good) : held;
  }

  #logged({ inboxId }: IntakeRow, tenant: Tenant, mails: OpenedMail[]): Sorted {
    const logged = mails.map(({ mail, header }) => {
      const observation = this.#observe({ header, sizeBytes: mail.sizeBytes, receivedAt: mail.receivedAt }, tenant);
      return { observation, stored: { mail, mailId: observation.mailId } };
    });
    return { inboxId, observations: logged.map(({ observation }) => observation), stored: logged.map(({ stored }) => stored) };
  }

  #observe({ header, sizeBytes, receivedAt }: Omit<Original, 'inboxId'>, { hash, isOwnHash }: Tenant): Observation {
    const around = { hash: hash.hash, isSigned: hash.isSigned, isOwn: isOwnHash, role: 'other' as const, isLogFolder: true };
    return observe({ uid: 0, flags: new Set(), receivedAt, sizeBytes, header }, { ...around, now: this.clock.now() });
  }

  /** A forward cites what it forwards; a verified member's own inbox may have it, and there it has all its bytes. */
  async #original({ tenantId }: IntakeRow, { headers }: OpenedMail, forwarded: Forwarded, { hash }: Tenant): Promise<Original | undefined> {
    const [owner] = addressesOf(headers, 'from');
    const cited = chainFrom(headers).at(-1);
    const ids = [forwarded.messageId, cited].filter((id) => id !== undefined);
    if (!owner || ids.length === 0) return undefined;
    const messageIdHashes = ids.map((id) => hash.hash('message-id', id));
    return this.originals.find({ tenantId, ownerHash: hash.hash('address', owner.key), messageIdHashes, author: forwarded.from.key });
  }
}

function chainFrom(headers: MailHeaders): readonly string[] {
  const joined = (name: string) => allValues(headers, name).join(' ');
  const messageId = firstValue(headers, 'message-id');
  return chainOf({ messageId, references: joined('references'), inReplyTo: joined('in-reply-to'), addresses: [] }).ids;
}
