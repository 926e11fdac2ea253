// The other services, as sending asks them: who an inbox is, its credential, and the bytes of attachments.
import { Injectable } from '@nestjs/common';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { isId } from '@rejoinder/base/id';
import { Private } from '@rejoinder/base/private';
import { Fault } from '@rejoinder/base/fault';
import { AttachmentService } from '@rejoinder/contracts/api/attachment';
import { ConnectionsService, type Server } from '@rejoinder/contracts/api/connections';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { AttachmentState } from '@rejoinder/contracts/mail';
import type { MailLogin } from '@rejoinder/runtime/imap-connect';
import type { MailServer } from '@rejoinder/runtime/mail-host';
import { Peers } from '@rejoinder/runtime/peers';
import type { AttachedFile, Person } from './mail/content.js';
import { maxAttachmentBytes } from './mail/send-request.js';

export interface SmtpCredential {
  login: MailLogin;
  version: bigint;
  address: string;
}

const downloadMs = 180_000;
/** An access token may have to be refreshed first, by a provider that is slow. */
const credentialMs = 20_000;

@Injectable()
export class PeerClient {
  constructor(private readonly peers: Peers) {}

  /** As whom the inbox writes. */
  async identity(tenantId: string, inboxId: string): Promise<Person> {
    const { inbox } = await this.peers.client(ConnectionsService).getInbox({ tenantId, inboxId });
    if (!inbox) throw faultOf('INBOX_NOT_FOUND');
    return { address: inbox.address, name: inbox.displayName };
  }

  /** `refused` is the login that its server has just refused: where it was by an access token, a newer one is got. */
  async credential(tenantId: string, inboxId: string, refused?: MailLogin): Promise<SmtpCredential> {
    const refusedToken = refused?.accessToken?.reveal() ?? '';
    const client = this.peers.client(ConnectionsService);
    const asked = { tenantId, inboxId, refusedToken, protocol: 'smtp' };
    const { login, credentialVersion } = await client.getCredential(asked, { deadlineMs: credentialMs });
    if (!login?.smtp) throw faultOf('INBOX_NOT_FOUND');
    const { address, username, password, accessToken } = login;
    const secret = { password: new Private(password), ...(accessToken && { accessToken: new Private(accessToken) }) };
    return { login: { server: serverOf(login.smtp), username, ...secret }, version: credentialVersion, address };
  }

  /** For the owner of an inbox that waits for another credential than this one; refuses once it does not. */
  async reconnectLink(
    tenantId: string,
    inboxId: string,
    credentialVersion: bigint,
  ): Promise<{ token: string; address: string; expiresAt: Date }> {
    const asked = { tenantId, inboxId, credentialVersion };
    const { token, address, expiresAt } = await this.peers.client(ConnectionsService).createReconnectLink(asked);
    return { token, address, expiresAt: timestampDate(expiresAt!) };
  }

  /** Each must be stored, free, and all together within the limit. */
  async files(tenantId: string, ids: string[]): Promise<AttachedFile[]> {
    const files = await Promise.all(ids.map((id) => this.#file(tenantId, id)));
    const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (total > maxAttachmentBytes)
      throw new Fault('too_large', 'TOO_LARGE', `Attachments of a message have at most ${maxAttachmentBytes} bytes together.`);
    return files;
  }

  async *download(tenantId: string, attachmentId: string): AsyncGenerator<Uint8Array> {
    const steps = this.peers.client(AttachmentService).download({ tenantId, attachmentId }, { deadlineMs: downloadMs });
    for await (const { step } of steps) {
      if (step.case === 'chunk') yield step.value;
    }
  }

  async #file(tenantId: string, attachmentId: string): Promise<AttachedFile> {
    if (!isId(attachmentId)) throw faultOf('ATTACHMENT_MISSING');
    const { attachment } = await this.peers.client(AttachmentService).getAttachment({ tenantId, attachmentId });
    if (!attachment || attachment.state !== AttachmentState.STORED) throw faultOf('ATTACHMENT_MISSING');
    if (attachment.mailId !== '')
      throw new Fault('conflict', 'ATTACHMENT_BOUND', 'An attachment belongs to another message already. Upload it again.');
    const { fileName, contentType, sizeBytes } = attachment;
    return { attachmentId, fileName, contentType, sizeBytes: Number(sizeBytes) };
  }
}

function serverOf({ host, port, security }: Server): MailServer {
  return { host, port, security: security === 'tls' ? 'tls' : 'starttls' };
}
