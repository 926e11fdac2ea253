// The REST interface as the console uses it: types, calls, and errors that carry what to show.
import type { NeverLogDeletion, NeverLogTrial, NeverLogWarning, TenantSettings } from './settings-shapes.js';

export interface Server {
  host: string;
  port: number;
  security: 'tls' | 'starttls';
}
export interface Check {
  protocol: 'imap' | 'smtp';
  passed: boolean;
  code: string;
  detail: string;
  /** What to type or choose instead; empty where nothing would help. */
  action: string;
  server: string;
}
/** What came of testing a login. */
export interface Verified {
  checks: Check[];
  capabilities: string[];
  size_limit_bytes: number;
}
/** What is known of an address before anything is typed. */
export interface Discovered {
  imap: Server | null;
  smtp: Server | null;
  provider: string;
  hint: string;
  sign_in: '' | 'password' | 'app_password' | 'oauth';
  /** Whose page opens where sign_in is oauth; empty where none is set up. */
  oauth_provider: string;
  oauth_provider_name: string;
  /** Empty where it is the address. */
  username: string;
}
export interface Folder {
  path: string;
  role: string;
  seen: number;
  total: number;
}
/** What is wrong with one side of a mailbox, and what support asks for. */
export interface Trouble {
  side: 'receiving' | 'sending';
  provider: string;
  server: string;
  first_seen_at: string | null;
  trace_id: string;
}
export interface Progress {
  state: string;
  reason: string;
  next_try_at: string | null;
  folders: Folder[];
  seen: number;
  total: number;
  left_seconds: number | null;
  missing_folders: string[];
}
export interface Inbox {
  inbox_id: string;
  address: string;
  display_name: string;
  receiving: 'connected' | 'needs_reconnect' | 'paused';
  receiving_reason: string;
  sending: 'ready' | 'needs_reconnect' | 'paused';
  sending_reason: string;
  reason_text: string;
  receiving_text: string;
  sending_text: string;
  troubles: Trouble[];
  /** At whose page its owner signed in; empty for a password. */
  oauth_provider: string;
  connected_at: string;
  imap: Server;
  smtp: Server;
  settings: InboxSettings;
  progress: Progress | null;
}
/** Which mailboxes are looked for; empty is all of them. */
export interface InboxFilter {
  query: string;
  state: '' | 'working' | 'needs_reconnect' | 'paused';
}
export interface LogEntry {
  at: string;
  what: string;
  reason_text: string;
  folder_role: string;
  mails: number;
}
export interface InboxSettings {
  capture: 'tracked' | 'all';
  capture_since: string | null;
  attachments: boolean;
  history_days: number;
  log_folder: string;
  folders: string[];
  own_addresses: string[];
}
export interface ListedFolder {
  path: string;
  role: string;
  mails: number | null;
  looked_at: boolean;
  always: boolean;
}
export interface Contact {
  contact_id: string;
  address: string;
  /** In lower case. */
  other_addresses: string[];
  name: string;
  last_activity_at: string | null;
  engagements: number;
}
export interface Person {
  address: string;
  name: string;
}
export interface Attachment {
  attachment_id: string;
  file_name: string;
  content_type: string;
  size_bytes: number;
  inline: boolean;
  state: 'pending' | 'stored' | 'rejected';
  reason_text: string;
}
export interface Engagement {
  engagement_id: string;
  contact_id: string;
  mail_id: string;
  thread_id: string;
  direction: 'in' | 'out';
  from: Person;
  to: Person[];
  cc: Person[];
  subject: string;
  new_text: string;
  text: string;
  html: string;
  text_state: 'pending' | 'ready' | 'failed' | 'gone';
  text_truncated: boolean;
  occurred_at: string;
  state: string;
  state_text: string;
  kind: string;
  kind_because: string;
  send_id: string;
  inbox_id: string;
  message_id: string;
  attachments: Attachment[];
  deliveries: Delivery[];
  about_message_id: string;
}
export interface Delivery {
  address: string;
  outcome: 'hard_bounce' | 'soft_bounce' | 'delayed' | 'delivered' | 'unclear';
  status: string;
}
export interface HeldMail {
  quarantine_id: string;
  reason: string;
  reason_text: string;
  received_at: string;
  from: string;
  subject: string;
}
export interface Verdict {
  owner: string;
  store: string;
  retention_class: string;
  oldest: string | null;
  setting: string;
  limit_seconds: number;
  holds: boolean;
  reason: string;
}
export interface Proof {
  proved_at: string;
  holds: boolean;
  verdicts: Verdict[];
}
export interface Session {
  tenant_id: string;
  version: string;
  demo: { available: boolean; state: 'absent' | 'starting' | 'running' };
}
export interface Login {
  address: string;
  username?: string;
  password: string;
  imap: Server;
  smtp: Server;
}

/** Of receiving and of sending; what is left out stays. */
export type LoginChanges = Partial<Record<Check['protocol'], { server?: Server; username?: string; password?: string }>>;

/** To connect an address, or to reconnect an inbox. */
export interface SignInStart {
  provider: string;
  address?: string;
  inbox_id?: string;
  display_name?: string;
  redirect_uri: string;
}

/** A refusal of the API: its sentence is meant for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly checks: Check[],
  ) {
    super(detail);
  }
}

export async function call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const form = body instanceof FormData;
  const response = await fetch(path, {
    method,
    headers: { accept: 'application/json', ...(body && !form ? { 'content-type': 'application/json' } : {}), ...headers },
    body: form ? body : body === undefined ? undefined : JSON.stringify(body),
  }).catch(() => {
    throw new ApiError(0, 'UNREACHABLE', 'Rejoinder does not answer. Is it still running?', []);
  });
  if (response.status === 204) return undefined as T;
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return answer as T;
  throw new ApiError(
    response.status,
    String(answer.code ?? ''),
    String(answer.detail ?? answer.title ?? 'Something went wrong.'),
    (answer.checks as Check[]) ?? [],
  );
}

export const get = <T>(path: string) => call<T>('GET', path);
export const post = <T>(path: string, body: unknown = {}, headers?: Record<string, string>) => call<T>('POST', path, body, headers);

export const api = {
  session: () => get<Session>('/v1/session'),
  startDemo: () => post<unknown>('/v1/demo'),
  inboxes: ({ query = '', state = '', cursor = '', limit = 100 }: Partial<InboxFilter> & { cursor?: string; limit?: number }) => {
    const asked = new URLSearchParams({ limit: String(limit), query, cursor, ...(state && { state }) });
    return get<{ inboxes: Inbox[]; next_cursor: string | null }>(`/v1/inboxes?${asked}`);
  },
  inbox: (id: string) => get<Inbox>(`/v1/inboxes/${id}`),
  discover: (address: string) => post<Discovered>('/v1/inboxes/discover', { address }),
  verify: (login: Login) => post<Verified>('/v1/inboxes/verify', login),
  connect: (login: Login & { display_name?: string }) => post<Inbox & Omit<Verified, 'checks'>>('/v1/inboxes', login),
  reconnect: (id: string, password: string) => post<Inbox>(`/v1/inboxes/${id}/reconnect`, { password }),
  changeLogin: (id: string, changes: LoginChanges) => call<Inbox>('PATCH', `/v1/inboxes/${id}/login`, changes),
  log: (id: string) => get<{ entries: LogEntry[] }>(`/v1/inboxes/${id}/log`),
  reconnectLink: (id: string) => post<{ path: string; expires_at: string }>(`/v1/inboxes/${id}/reconnect-link`),
  startSignIn: (wanted: SignInStart) => post<{ authorization_url: string }>('/v1/inboxes/sign-in', wanted),
  finishSignIn: (callback: string) => post<Inbox>('/v1/inboxes/sign-in/finish', { callback_url: callback }),
  pause: (id: string) => post<Inbox>(`/v1/inboxes/${id}/pause`),
  resync: (id: string) => post<Inbox>(`/v1/inboxes/${id}/resync`),
  resume: (id: string) => post<Inbox>(`/v1/inboxes/${id}/resume`),
  removeInbox: (id: string) => call<void>('DELETE', `/v1/inboxes/${id}`),
  loggingAddress: (id: string) => get<{ address: string }>(`/v1/inboxes/${id}/logging-address`),
  renewLoggingAddress: (id: string) => post<{ address: string }>(`/v1/inboxes/${id}/logging-address`),
  quarantine: () => get<{ mails: HeldMail[] }>('/v1/quarantine?limit=100'),
  releaseHeld: (id: string) => post<void>(`/v1/quarantine/${id}/release`),
  discardHeld: (id: string) => call<void>('DELETE', `/v1/quarantine/${id}`),
  contacts: (query: string, cursor: string) =>
    get<{ contacts: Contact[]; next_cursor: string | null }>(
      `/v1/contacts?limit=100&query=${encodeURIComponent(query)}&cursor=${encodeURIComponent(cursor)}`,
    ),
  contact: (id: string) => get<Contact>(`/v1/contacts/${id}`),
  addContact: (person: Person) => post<Contact>('/v1/contacts', person),
  timeline: (id: string, cursor: string) =>
    get<{ engagements: Engagement[]; next_cursor: string | null }>(
      `/v1/contacts/${id}/timeline?limit=50&cursor=${encodeURIComponent(cursor)}`,
    ),
  deleteEngagement: (id: string) => call<void>('DELETE', `/v1/engagements/${id}`),
  upload: (file: File) => {
    const form = new FormData();
    form.append('file', file);
    return call<{ attachment_id: string; file_name: string; size_bytes: number }>('POST', '/v1/attachments', form);
  },
  send: (mail: OutgoingMail, key: string) => post<{ send_id: string; state: string }>('/v1/mail', mail, { 'idempotency-key': key }),
  resolve: (sendId: string, outcome: 'sent' | 'send_again') => post<unknown>(`/v1/mail/${sendId}/resolve`, { outcome }),
  changeInbox: (id: string, settings: Partial<Omit<InboxSettings, 'capture_since'>> & { capture_since?: string | undefined }) =>
    call<Inbox>('PATCH', `/v1/inboxes/${id}`, { settings }),
  folders: (id: string) => get<{ folders: ListedFolder[] }>(`/v1/inboxes/${id}/folders`),
  settings: () => get<TenantSettings & { warnings: NeverLogWarning[] }>('/v1/settings'),
  putSettings: (settings: TenantSettings) => call<TenantSettings & { warnings: NeverLogWarning[] }>('PUT', '/v1/settings', settings),
  tryNeverLog: (entries: string[]) =>
    post<{ entries: NeverLogTrial[]; warnings: NeverLogWarning[] }>('/v1/settings/never-log/dry-run', { entries }),
  deleteNeverLogged: (entries: string[]) => post<NeverLogDeletion>('/v1/settings/never-log/deletion', { entries }),
  neverLogDeletion: () => get<NeverLogDeletion>('/v1/settings/never-log/deletion'),
  proof: () => get<Proof>('/v1/retention/proof'),
};

export interface OutgoingMail {
  inbox_id: string;
  to: Person[];
  subject: string;
  text: string;
  attachment_ids: string[];
  in_reply_to?: string;
  references?: string[];
}
