// Takes what connections tells of inboxes: whether each may send.
import { Controller, Inject } from '@nestjs/common';
import type { DescMessage } from '@bufbuild/protobuf';
import { isId } from '@rejoinder/base/id';
import { deadLetter, done, skip, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import {
  InboxConnectedSchema,
  InboxDisconnectedSchema,
  InboxPausedSchema,
  InboxReconnectedSchema,
  InboxRemovedSchema,
  InboxSideMendedSchema,
  InboxSideStoppedSchema,
} from '@rejoinder/contracts/events/connections';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { SendingSettings } from '../config.js';
import type { Episode } from '../notice/notice.js';
import { NoticeStore } from '../notice/notice-store.js';
import { OutletStore, type OutletNews } from './outlet-store.js';

interface OfInbox<Schema extends DescMessage> extends Received<Schema> {
  message: Received<Schema>['message'] & { inboxId: string };
}

@Controller()
export class OnInbox {
  constructor(
    private readonly store: OutletStore,
    private readonly notices: NoticeStore,
    @Inject(SETTINGS) private readonly settings: SendingSettings,
  ) {}

  @On(InboxConnectedSchema)
  connected(batch: Received<typeof InboxConnectedSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#take(batch, () => 'ready');
  }

  @On(InboxReconnectedSchema)
  reconnected(batch: Received<typeof InboxReconnectedSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#take(
      batch,
      () => 'ready',
      ({ credentialVersion }) => credentialVersion,
    );
  }

  /** The other side still needs a credential, which is nothing to sending. */
  @On(InboxSideMendedSchema)
  sideMended(batch: Received<typeof InboxSideMendedSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#take(
      batch,
      ({ side }) => (side === 'sending' ? 'ready' : undefined),
      ({ credentialVersion }) => credentialVersion,
    );
  }

  @On(InboxDisconnectedSchema)
  async disconnected(batch: Received<typeof InboxDisconnectedSchema>[]): Promise<Outcome | Outcome[]> {
    if (this.settings.noticesSmtp) await this.notices.take(batch.map(episodeOf).filter((one) => one !== undefined));
    return this.#take(batch, ({ side }) => (side === 'sending' ? 'needs_reconnect' : undefined));
  }

  /** Its owner has been told already. */
  @On(InboxSideStoppedSchema)
  sideStopped(batch: Received<typeof InboxSideStoppedSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#take(batch, ({ side }) => (side === 'sending' ? 'needs_reconnect' : undefined));
  }

  @On(InboxPausedSchema)
  paused(batch: Received<typeof InboxPausedSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#take(batch, () => 'paused');
  }

  @On(InboxRemovedSchema)
  async removed(batch: Received<typeof InboxRemovedSchema>[]): Promise<Outcome | Outcome[]> {
    const known = batch.filter(({ message }) => isId(message.inboxId));
    await this.notices.forget(
      known.map(({ event }) => event.tenantId),
      known.map(({ message }) => message.inboxId),
    );
    return this.#take(batch, () => 'removed');
  }

  /** An event that changes nothing of sending (receiving stopped) is skipped. */
  async #take<Schema extends DescMessage>(
    batch: Received<Schema>[],
    stateOf: (message: OfInbox<Schema>['message']) => OutletNews['state'] | undefined,
    versionOf: (message: OfInbox<Schema>['message']) => bigint = () => 0n,
  ): Promise<Outcome[]> {
    const news: OutletNews[] = [];
    const outcomes = (batch as OfInbox<Schema>[]).map(({ event, message }): Outcome => {
      const state = stateOf(message);
      if (!isId(message.inboxId)) return deadLetter('no inbox id');
      if (!state) return skip('says nothing of sending');
      news.push({
        tenantId: event.tenantId,
        inboxId: message.inboxId,
        revision: event.sequence,
        state,
        credentialVersion: versionOf(message),
      });
      return done;
    });
    if (news.length > 0) await this.store.takeNews(news);
    return outcomes;
  }
}

/** Undefined where it was told by a release that did not say of which credential. */
function episodeOf({ event: { tenantId }, message }: Received<typeof InboxDisconnectedSchema>): Episode | undefined {
  const { inboxId, side, reason, credentialVersion } = message;
  if (!isId(inboxId) || (side !== 'receiving' && side !== 'sending') || credentialVersion === 0n) return undefined;
  return { tenantId, inboxId, side, reason, credentialVersion };
}
