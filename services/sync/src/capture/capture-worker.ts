// Reads the text of mails that are tracked: finds a copy, decides by size what may be fetched, fetches the text alone, and says so.
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { backoffMs } from '@rejoinder/base/wait';
import { carriesQuote } from '@rejoinder/mail/quoting';
import { planOf, type StructurePlan } from '@rejoinder/mail/structure';
import { Database } from '@rejoinder/runtime/database';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import { again, gaveUp, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { Vault } from '@rejoinder/vault/vault';
import type { SyncSettings } from '../config.js';
import type { ImapSession, SectionQuery } from '../imap/imap-session.js';
import { decodeWords } from '../inbox/decode-words.js';
import { isBreak } from '../inbox/header-reader.js';
import type { Holder } from '../inbox/holder.js';
import { Holders } from '../inbox/holders.js';
import { receivedAtOf } from '../inbox/observe.js';
import { Owner } from '../inbox/owner-store.js';
import { maxBreaks } from '../inbox/suspects.js';
import { tenantHash, type TenantHash } from '../inbox/tenant-hash.js';
import { KeptCopies } from '../intake/kept-copy.js';
import { loggingAddresses } from '../intake/logging-address.js';
import { CaptureStore, type Capture, type FailReason } from './capture-store.js';
import { attachmentFacts, headerFacts } from './describe.js';
import { LocationStore, placesIn, type Location } from './location-store.js';
import { findCopy, type MailCopy } from './mail-copy.js';
import { mailText, type ReadText } from './mail-text.js';
import { reportFacts, reportPlanIn, reportQueries, type ReportFacts } from './report-facts.js';

interface Reading {
  copy: MailCopy;
  plan: StructurePlan;
  text: ReadText;
  /** Of a delivery report alone. */
  report?: ReportFacts | undefined;
}

const leaseMs = 180_000;
/** How long a mail that was moved is waited for. */
export const maxWaitMs = 7 * 86_400_000;
/** Text beyond this is fetched on a connection of its own, so that it does not hold up new mail. */
const largeBytes = 1_000_000;
const noSessionMs = 30_000;
/** It is woken when the mail is observed elsewhere; soon at first, since that may happen just now. */
const firstMovedMs = 2_000;
const maxMovedMs = 600_000;
/** A mail that breaks its server's answers so often cannot be read. */
const maxBrokenTries = 8;

@Injectable()
export class CaptureWorker implements OnModuleInit {
  constructor(
    private readonly workers: Workers,
    private readonly database: Database,
    private readonly owner: Owner,
    private readonly captures: CaptureStore,
    private readonly locations: LocationStore,
    private readonly holders: Holders,
    private readonly kept: KeptCopies,
    private readonly vault: Vault,
    @Inject(SETTINGS) private readonly settings: SyncSettings,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.workers.add({
      name: 'capture',
      table: 'capture',
      key: 'mail_id',
      filter: { where: 'partitions && $5::int[]', value: () => this.owner.partitions() },
      concurrency: this.settings.captures,
      leaseMs,
      work: (job) => this.#work(job),
    });
  }

  async #work({ tenantId, key: mailId, attempts }: Job): Promise<WorkOutcome> {
    const { capture, live, here, elsewhere } = await this.#find(tenantId, mailId);
    if (capture?.state !== 'wanted') return workDone;
    const now = this.clock.now();
    if (now.getTime() - capture.askedAt.getTime() > maxWaitMs) return this.#fail(capture, capture.inboxIds[0]!, 'gone');
    const tenant = tenantHash(await this.vault.hasher(tenantId));
    for (const at of here) {
      const holder = this.holders.live(at.inboxId);
      if (!holder) continue;
      try {
        const reading = await this.#read(holder, at, mailId, tenant);
        if (reading) return await this.#save(capture, at.inboxId, holder.row.attachments, reading, tenant);
        await this.locations.gone(tenantId, at);
      } catch (error) {
        if (!(await this.#isUnreadable(capture, holder, attempts, error))) throw error;
        return this.#fail(capture, at.inboxId, 'unreadable');
      }
    }
    const kept = await this.kept.find(tenantId, mailId);
    if (kept) return this.#save(capture, kept.inboxId, kept.attachments, kept, tenant);
    const [waitMs, reason] =
      elsewhere > 0 || live.length < capture.inboxIds.length
        ? [noSessionMs, 'no_session']
        : [backoffMs(attempts, firstMovedMs, maxMovedMs), 'moved'];
    return again(new Date(now.getTime() + waitMs), reason);
  }

  /** Each session that ended over it has held up all else of its inbox: soon it is asked for no more. */
  async #isUnreadable(capture: Capture, holder: Holder, attempts: number, error: unknown): Promise<boolean> {
    if (isBreak(error) && !holder.live()) return (await this.captures.broke(capture)) >= maxBreaks;
    return error instanceof Fault && error.code === 'SERVER_BROKEN' && attempts >= maxBrokenTries;
  }

  /** What is to be read, and where it may be. */
  async #find(tenantId: string, mailId: string) {
    const [capture, places] = await this.database.read({ tenants: [tenantId] }, (tx) =>
      Promise.all([this.captures.find(tx, tenantId, mailId), this.locations.find(tx, tenantId, mailId)]),
    );
    const live = this.holders.liveOf(capture?.inboxIds ?? []);
    return { capture, live, ...placesIn(live, places) };
  }

  async #read(holder: Holder, at: Location, mailId: string, tenant: TenantHash): Promise<Reading | undefined> {
    const found = await holder.use(async (imap) => {
      const copy = await findCopy(imap, at, mailId, tenant);
      if (!copy) return undefined;
      const plan = copy.root ? planOf(copy.root, decodeWords) : undefined;
      const report = reportPlanIn(copy);
      const wanted = [...textQueries(plan), ...(report ? reportQueries(report) : [])];
      const isLarge = wanted.reduce((sum, { maxBytes }) => sum + maxBytes, 0) > largeBytes;
      return { copy, plan, report, wanted, sections: plan && !isLarge ? await sectionsOf(imap, at.uid, wanted) : undefined };
    });
    if (!found) return undefined;
    const { copy, plan, report, wanted } = found;
    if (!plan || !copy.root) return { copy, plan: nothing, text: { text: '', html: '', truncated: false } };
    const sections =
      found.sections ??
      (await holder.useSecond(async (imap) => ((await findCopy(imap, at, mailId, tenant)) ? sectionsOf(imap, at.uid, wanted) : undefined)));
    if (!sections) return undefined;
    return {
      copy,
      plan,
      text: mailText(plan, copy.root, sections),
      report: report && reportFacts(copy.header, report, sections, tenant.isSigned),
    };
  }

  async #save(
    capture: Capture,
    inboxId: string,
    attachmentsOn: boolean,
    { copy, plan, text, report }: Reading,
    tenant: TenantHash,
  ): Promise<WorkOutcome> {
    const { mailId, revision } = capture;
    if (copy.root === undefined) return this.#fail(capture, inboxId, 'unreadable');
    const hasMessagePart = plan.attachments.some(({ contentType }) => contentType === 'message/rfc822');
    const isQuoting = carriesQuote({ text: text.text, html: text.html, hasMessagePart });
    if (capture.onlyIfQuoting && !isQuoting) return this.#fail(capture, inboxId, 'not_quoting');
    const { mailLimitBytes, partLimitBytes, intakeDomain } = this.settings;
    const limits = { mailLimitBytes, partLimitBytes, attachmentsOn };
    const { declared, parts } = attachmentFacts(mailId, copy.sizeBytes, plan.attachments, limits, (name) => tenant.attachment(name));
    const facts = headerFacts(copy.header, receivedAtOf(copy, this.clock.now()), copy.sizeBytes, loggingAddresses(intakeDomain));
    const event = {
      ...facts,
      ...report,
      inboxId,
      mailId,
      threadId: capture.threadId ?? '',
      revision,
      attachments: declared,
      textTruncated: text.truncated,
      historical: capture.historical,
      carriesQuote: isQuoting,
    };
    const saved = await this.captures.captured(capture, { inboxId, text: { text: text.text, html: text.html }, parts, event });
    if (!saved) return again(this.clock.now(), 'overtaken');
    this.logger.info({ mailId, inboxId, attachments: declared.length, pending: parts.length }, 'captured');
    return workDone;
  }

  async #fail(capture: Capture, inboxId: string, reason: FailReason): Promise<WorkOutcome> {
    await this.captures.failed(capture, inboxId, reason);
    this.logger.info({ mailId: capture.mailId, inboxId, reason }, 'not captured');
    return gaveUp(reason);
  }
}

const nothing: StructurePlan = { text: [], textBody: [], htmlBody: [], attachments: [], exceeded: undefined };

/** The text parts and nothing else, each bounded. */
const textQueries = (plan: StructurePlan | undefined): SectionQuery[] =>
  (plan?.text ?? [])
    .filter(({ fetchBytes }) => fetchBytes > 0)
    .map(({ partId, fetchBytes }) => ({ section: partId, start: 0, maxBytes: fetchBytes }));

/** Each once: the first text of a report is one of the texts. */
async function sectionsOf(imap: ImapSession, uid: number, wanted: SectionQuery[]): Promise<Map<string, Buffer> | undefined> {
  const queries = new Map(wanted.toReversed().map((query) => [query.section, query]));
  return queries.size === 0 ? new Map() : imap.sections(uid, [...queries.values()]);
}
