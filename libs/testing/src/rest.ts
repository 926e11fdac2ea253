// The REST interface as a CRM would call it.

export interface Attachment {
  attachment_id: string;
  file_name: string;
  size_bytes: number;
  state: string;
  reason: string;
}

export interface Engagement {
  engagement_id: string;
  mail_id: string;
  thread_id: string;
  direction: 'in' | 'out';
  from: { address: string; name: string };
  subject: string;
  kind: string;
  new_text: string;
  text: string;
  html: string;
  text_state: string;
  state: string;
  attachments: Attachment[];
  message_id: string;
}

export interface Inbox {
  inbox_id: string;
  address: string;
  receiving: string;
  sending: string;
  progress: { state: string; reason: string; folders: { path: string; seen: number; total: number }[] } | null;
}

export interface Send {
  send_id: string;
  mail_id: string;
  message_id: string;
  state: string;
  deliveries: { address: string; outcome: string; status: string; report_mail_id: string }[];
}

export interface Contact {
  contact_id: string;
  address: string;
  other_addresses: string[];
  engagements: number;
}

export interface Proof {
  holds: boolean;
  verdicts: { owner: string; store: string; retention_class: string; holds: boolean; reason: string }[];
}

const timeoutMs = 30_000;

export class Rest {
  constructor(
    readonly base: string,
    readonly apiKey: string,
  ) {}

  async call<T>(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<T> {
    const response = await this.fetch(method, path, body === undefined ? undefined : JSON.stringify(body), {
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...headers,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  fetch(method: string, path: string, body?: string | FormData, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.base}${path}`, {
      method,
      body,
      headers: { authorization: `Bearer ${this.apiKey}`, ...headers },
      signal: AbortSignal.timeout(timeoutMs),
    });
  }

  connect = (login: object) => this.call<Inbox>('POST', '/v1/inboxes', login);
  inbox = (id: string) => this.call<Inbox>('GET', `/v1/inboxes/${id}`);
  inboxes = async () => (await this.call<{ inboxes: Inbox[] }>('GET', '/v1/inboxes?limit=200')).inboxes;
  putContact = (address: string, name = '') => this.call<Contact>('POST', '/v1/contacts', { address, name });
  contacts = async () => (await this.call<{ contacts: Contact[] }>('GET', '/v1/contacts?limit=200')).contacts;
  send = (mail: object, key: string = crypto.randomUUID()) => this.call<Send>('POST', '/v1/mail', mail, { 'idempotency-key': key });
  getSend = (id: string) => this.call<Send>('GET', `/v1/mail/${id}`);
  track = (messageId: string) => this.call<{ tracked_id: string; state: string }>('POST', '/v1/tracked-mail', { message_id: messageId });
  tracked = (id: string) =>
    this.call<{ state: string; reason: string; mail_id: string; engagement_ids: string[] }>('GET', `/v1/tracked-mail/${id}`);

  deleteEngagement = (id: string) => this.call<void>('DELETE', `/v1/engagements/${id}`);
  removeInbox = (id: string) => this.call<void>('DELETE', `/v1/inboxes/${id}`);
  proof = () => this.call<Proof>('GET', '/v1/retention/proof');

  /** Everything on a contact's timeline, newest first. */
  async timeline(contactId: string): Promise<Engagement[]> {
    const all: Engagement[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: { engagements: Engagement[]; next_cursor: string | null } = await this.call(
        'GET',
        `/v1/contacts/${contactId}/timeline?limit=100&cursor=${encodeURIComponent(cursor)}`,
      );
      all.push(...page.engagements);
      cursor = page.next_cursor || null;
    }
    return all;
  }

  async upload(name: string, type: string, content: Buffer): Promise<string> {
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(content)], { type }), name);
    const response = await this.fetch('POST', '/v1/attachments', form);
    if (!response.ok) throw new Error(`the upload answered ${response.status}: ${await response.text()}`);
    return ((await response.json()) as { attachment_id: string }).attachment_id;
  }

  async download(attachmentId: string): Promise<Buffer> {
    const response = await this.fetch('GET', `/v1/attachments/${attachmentId}`);
    if (!response.ok) throw new Error(`the download answered ${response.status}: ${await response.text()}`);
    return Buffer.from(await response.arrayBuffer());
  }
}
