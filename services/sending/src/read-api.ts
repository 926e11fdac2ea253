// gRPC: what was sent, as text for the timeline and as the very bytes for the copy in Sent.
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { from, type Observable } from 'rxjs';
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import type * as api from '@rejoinder/contracts/api/sending';
import { composeMail } from './mail/compose.js';
import { ContentBox } from './mail/content-box.js';
import type { SendContent } from './mail/content.js';
import { PeerClient } from './peer-client.js';
import { SendStore, type SendRow } from './send-store.js';

const maxChunkBytes = 65_536;

@Controller()
export class ReadApi {
  constructor(
    private readonly store: SendStore,
    private readonly box: ContentBox,
    private readonly peers: PeerClient,
  ) {}

  @GrpcMethod('SendingService', 'ReadSentMail')
  async readSentMail({ tenantId, mailId }: api.ReadSentMailRequest): Promise<MessageInitShape<typeof api.ReadSentMailResponseSchema>> {
    const { text, html } = await this.#content(await this.store.ofMail(tenantId, checkedId(mailId)));
    return { text, html };
  }

  @GrpcMethod('SendingService', 'ReadSentMime')
  readSentMime({ tenantId, sendId }: api.ReadSentMimeRequest): Observable<MessageInitShape<typeof api.ReadSentMimeResponseSchema>> {
    return from(this.#mime(tenantId, sendId));
  }

  async *#mime(tenantId: string, sendId: string): AsyncGenerator<MessageInitShape<typeof api.ReadSentMimeResponseSchema>> {
    const content = await this.#content(await this.store.get(tenantId, checkedId(sendId)));
    const mime = composeMail(content, ({ attachmentId }) => this.peers.download(tenantId, attachmentId));
    for await (const bytes of mime as AsyncIterable<Uint8Array>) {
      for (let at = 0; at < bytes.length; at += maxChunkBytes) yield { chunk: bytes.subarray(at, at + maxChunkBytes) };
    }
  }

  async #content(row: SendRow): Promise<SendContent> {
    return this.box.open(row, await this.store.content(row.tenantId, row.sendId));
  }
}

function checkedId(id: string): string {
  if (!isId(id)) throw new Fault('not_found', 'SEND_NOT_FOUND', 'There is no such send.');
  return id;
}
