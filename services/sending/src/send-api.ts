// gRPC: send, ask what became of it, take it back, settle what nobody knows.
import { createHash } from 'node:crypto';
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { isId, newId } from '@rejoinder/base/id';
import * as api from '@rejoinder/contracts/api/sending';
import { formatSendMark } from '@rejoinder/mail/send-mark';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import type { Hasher } from '@rejoinder/vault/hasher';
import { wireAddress } from './mail/compose.js';
import { ContentBox } from './mail/content-box.js';
import { dateHeader, type AttachedFile, type Person, type SendContent } from './mail/content.js';
import { PeerClient } from './peer-client.js';
import { acceptedEvent, acceptedMessage, recipientHashes } from './send-events.js';
import { readSendRequest, type Draft } from './mail/send-request.js';
import { ReportStore, type StoredReport } from './report/report-store.js';
import { SendStore, type SendRow } from './send-store.js';
import type { Ending } from './settlement-store.js';

@Controller()
export class SendApi {
  constructor(
    private readonly store: SendStore,
    private readonly reports: ReportStore,
    private readonly box: ContentBox,
    private readonly peers: PeerClient,
    private readonly vault: Vault,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @GrpcMethod('SendingService', 'Send')
  async send(request: api.SendRequest): Promise<MessageInitShape<typeof api.SendResponseSchema>> {
    const draft = readSendRequest(request);
    const { tenantId } = request;
    const hasher = await this.vault.hasher(tenantId);
    const sha256 = fingerprint(request, hasher);
    // Before anything is asked of others: a repetition finds its attachments bound to its own mail already.
    const known = await this.#known(tenantId, draft, sha256);
    if (known) return { send: shown(known) };
    const from = await this.peers.identity(tenantId, draft.inboxId);
    const files = await this.peers.files(tenantId, draft.attachmentIds);
    const row = (await this.#accept(tenantId, draft, from, files, hasher, sha256)) ?? (await this.#known(tenantId, draft, sha256));
    if (!row) throw new Fault('busy', 'SEND_RACE', 'Another request with this idempotency key is under way. Try again.', 1_000);
    return { send: shown(row) };
  }

  @GrpcMethod('SendingService', 'GetSend')
  async getSend({ tenantId, sendId }: api.GetSendRequest): Promise<MessageInitShape<typeof api.GetSendResponseSchema>> {
    return { send: await this.#shown(await this.store.get(tenantId, checkedId(sendId))) };
  }

  @GrpcMethod('SendingService', 'Cancel')
  async cancel({ tenantId, sendId }: api.CancelRequest): Promise<MessageInitShape<typeof api.CancelResponseSchema>> {
    const row = await this.store.get(tenantId, checkedId(sendId));
    if (row.state === 'cancelled') return { send: await this.#shown(row) };
    return {
      send: await this.#end(
        row,
        { state: 'cancelled', reason: 'CANCELLED' },
        'SEND_BEGUN',
        'The message is on its way or over: it cannot be taken back.',
      ),
    };
  }

  @GrpcMethod('SendingService', 'Resolve')
  async resolve({ tenantId, sendId, outcome }: api.ResolveRequest): Promise<MessageInitShape<typeof api.ResolveResponseSchema>> {
    if (outcome !== 'sent' && outcome !== 'send_again')
      throw new Fault('invalid', 'OUTCOME_INVALID', 'An outcome is "sent" or "send_again".');
    const row = await this.store.get(tenantId, checkedId(sendId));
    if (outcome === 'sent' && row.state === 'sent') return { send: await this.#shown(row) };
    const refusal = new Fault('gone', 'SEND_SETTLED', 'Only a send that nobody confirmed can be settled by a person.');
    if (row.state !== 'unconfirmed') throw refusal;
    if (outcome === 'sent') return { send: await this.#end(row, { state: 'sent', refused: [] }, refusal.code, refusal.message) };
    if (!(await this.store.sendAgain(row))) throw refusal;
    return { send: await this.#shown(await this.store.get(tenantId, sendId)) };
  }

  async #known(tenantId: string, { idempotencyKey }: Draft, sha256: Buffer): Promise<SendRow | undefined> {
    const row = idempotencyKey === undefined ? null : await this.store.findByKey(tenantId, idempotencyKey);
    if (!row) return undefined;
    if (sha256.equals(row.requestSha256)) return row;
    throw new Fault('conflict', 'IDEMPOTENCY_KEY_REUSED', 'This idempotency key belongs to another message.');
  }

  async #accept(
    tenantId: string,
    draft: Draft,
    from: Person,
    files: AttachedFile[],
    hasher: Hasher,
    requestSha256: Buffer<ArrayBuffer>,
  ): Promise<SendRow | undefined> {
    const acceptedAt = this.clock.now();
    const { content, mailId } = contentOf(draft, from, files, acceptedAt, hasher);
    const { sendId, messageId } = content;
    const facts = { tenantId, sendId, inboxId: draft.inboxId, mailId, revision: 1n, traceparent: null };
    return this.store.accept({
      tenantId,
      sendId,
      mailId,
      inboxId: draft.inboxId,
      idempotencyKey: draft.idempotencyKey,
      requestSha256,
      messageId,
      acceptedAt,
      attachmentIds: draft.attachmentIds,
      recipientHashes: recipientHashes(content, hasher),
      sealed: await this.box.seal(tenantId, content),
      told: acceptedEvent(facts, acceptedMessage(facts, content, acceptedAt, hasher)),
    });
  }

  async #end(row: SendRow, ending: Ending, code: string, refusal: string) {
    const isOpen = row.state === 'accepted' || row.state === 'unconfirmed';
    const { sealed } = isOpen ? await this.store.content(row.tenantId, row.sendId) : { sealed: undefined };
    const moved = sealed && (await this.box.move(row, sealed));
    if (!moved || !(await this.store.end(row, ending, moved))) throw new Fault('gone', code, refusal);
    return this.#shown(await this.store.get(row.tenantId, row.sendId));
  }

  async #shown(row: SendRow): Promise<MessageInitShape<typeof api.SendSchema>> {
    return shown(row, await this.reports.of(row));
  }
}

/** Keyed, so that the row does not tell what was sent. The tenant and the key itself are no part of what is repeated. */
function fingerprint(request: api.SendRequest, hasher: Hasher): Buffer<ArrayBuffer> {
  const content = create(api.SendRequestSchema, { ...request, tenantId: '', idempotencyKey: '' });
  return hasher.hash('text', createHash('sha256').update(toBinary(api.SendRequestSchema, content)).digest('hex'));
}

/** Everything that the mail will ever say of itself, fixed now. */
function contentOf(
  draft: Draft,
  from: Person,
  attachments: AttachedFile[],
  acceptedAt: Date,
  hasher: Hasher,
): { content: SendContent; mailId: string } {
  const [sendId, mailId] = [newId(), newId()];
  const address = wireAddress(from.address);
  const date = dateHeader(acceptedAt);
  // What sync hashes of the two ids to compare.
  const mark = formatSendMark({ sendId, mailId }, () => hasher.hash('send', `${sendId}/${mailId}`).toString('base64url'));
  // The header tells a copy whose Message-ID a provider has rewritten, and the Message-ID one whose header a provider has taken away.
  const messageId = `${mark}@${address.slice(address.lastIndexOf('@') + 1)}`;
  const { to, cc, bcc, subject, text, html, inReplyTo, references } = draft;
  return { mailId, content: { sendId, messageId, date, mark, from, to, cc, bcc, subject, text, html, inReplyTo, references, attachments } };
}

function checkedId(id: string): string {
  if (!isId(id)) throw new Fault('not_found', 'SEND_NOT_FOUND', 'There is no such send.');
  return id;
}

function shown(row: SendRow, reports: StoredReport[] = []): MessageInitShape<typeof api.SendSchema> {
  const { sendId, inboxId, mailId, state, reason, messageId, acceptedAt, settledAt } = row;
  const sentAt = state === 'sent' && settledAt ? timestampFromDate(settledAt) : undefined;
  const deliveries = reports.map(({ reportedAt, ...one }) => ({ ...one, reportedAt: timestampFromDate(reportedAt) }));
  return { sendId, inboxId, mailId, state, reason, messageId, acceptedAt: timestampFromDate(acceptedAt), sentAt, deliveries };
}
