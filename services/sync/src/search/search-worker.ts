// Looks for a Message-ID among what was observed, and once among older mails. What is still to come is told by the first sync or on its arrival.
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, LOGGER } from '@rejoinder/runtime/tokens';
import { again, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { Vault } from '@rejoinder/vault/vault';
import { FolderStore, type Folder } from '../inbox/folder-store.js';
import type { Holder } from '../inbox/holder.js';
import { Holders } from '../inbox/holders.js';
import { Owner } from '../inbox/owner-store.js';
import { tenantHash } from '../inbox/tenant-hash.js';
import { findOlder } from './older-mails.js';
import { SearchStore, type Search } from './search-store.js';

const concurrency = 4;
/** A folder of 100,000 old mails is looked through in less. */
const leaseMs = 600_000;
/** The session does not stand yet. */
const noSessionMs = 5_000;
const dayMs = 86_400_000;
/** A mail that was being saved at the first look is found by the next. */
const lookEveryMs = 60_000;
/** Said once older mails were looked through: that is done once. */
const notSeen = 'not_seen';

@Injectable()
export class SearchWorker implements OnModuleInit {
  constructor(
    private readonly workers: Workers,
    private readonly owner: Owner,
    private readonly searches: SearchStore,
    private readonly folders: FolderStore,
    private readonly holders: Holders,
    private readonly vault: Vault,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.workers.add({
      name: 'search',
      table: 'search',
      key: 'search_id',
      filter: { where: 'partition = any ($5::int[])', value: () => this.owner.partitions() },
      concurrency,
      leaseMs,
      work: (job, signal) => this.#work(job, signal),
    });
  }

  async #work({ tenantId, key }: Job, signal: AbortSignal): Promise<WorkOutcome> {
    const search = await this.searches.find(tenantId, key);
    if (!search) return workDone;
    const now = this.clock.now();
    if ((await this.searches.sayAgain(search)) || search.until <= now) {
      await this.searches.remove(search);
      return workDone;
    }
    const next = (ms: number, reason: string) => again(new Date(Math.min(now.getTime() + ms, search.until.getTime())), reason);
    if (search.lastReason === notSeen) return next(lookEveryMs, notSeen);
    const holder = this.holders.live(search.inboxId);
    if (!holder) return next(noSessionMs, 'no_session');
    if (await this.#older(search, holder, signal)) {
      await this.searches.remove(search);
      return workDone;
    }
    return next(lookEveryMs, notSeen);
  }

  /** Mails that the history of the inbox does not reach, on a connection of their own. True if it was found and said. */
  async #older(search: Search, holder: Holder, signal: AbortSignal): Promise<boolean> {
    const { tenantId, messageIdHash } = search;
    const { historyDays } = holder.row;
    if (historyDays === 0) return false;
    // What lies at the edge may have been seen or not, as the days went by.
    const since = new Date(this.clock.now().getTime() - (historyDays - 1) * dayMs);
    const { hash } = tenantHash(await this.vault.hasher(tenantId));
    const isSought = (messageId: string) => hash('message-id', messageId).equals(messageIdHash);
    const folders = (await this.folders.list(holder.row)).filter(({ role }) => role !== 'drafts');
    const refused: Folder[] = [];
    const onRefused = (folder: Folder) => void refused.push(folder);
    const found = await holder.useSecond((imap) => findOlder(imap, folders, { since, isSought, signal, onRefused }));
    if (refused.length > 0) {
      const { inboxId } = search;
      this.logger.warn({ inboxId, folderIds: refused.map(({ folderId }) => folderId) }, 'a search could not look into folders');
      await this.searches.unsearched(holder.row, refused);
    }
    if (found) await this.searches.found(holder.row, found);
    return found !== undefined;
  }
}
