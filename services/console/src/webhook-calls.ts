// The REST interface of webhooks as the console uses it.
import { call, get, post } from './api.js';

export interface Webhook {
  webhook_id: string;
  url: string;
  /** Empty: all. */
  events: string[];
  state: 'on' | 'paused' | 'off';
  reason: string;
  reason_text: string;
  failing_since: string | null;
  next_try_at: string | null;
  left_out_since: string | null;
  waiting: number;
}
export interface Delivery {
  event_id: string;
  type: string;
  state: 'waiting' | 'taken' | 'given_up';
  reason_text: string;
  status: number | null;
  tries: number;
  made_at: string;
  next_try_at: string | null;
}
export interface Tested {
  taken: boolean;
  status: number | null;
  reason_text: string;
  took_ms: number;
}

const path = '/v1/webhooks';

export const webhookCalls = {
  list: () => get<{ webhooks: Webhook[]; event_kinds: string[] }>(path),
  add: (webhook: { url: string; events: string[] }) => post<Webhook & { secret: string }>(path, webhook),
  change: (id: string, change: { url?: string; events?: string[]; state?: 'on' | 'paused' }) =>
    call<Webhook>('PATCH', `${path}/${id}`, change),
  remove: (id: string) => call<void>('DELETE', `${path}/${id}`),
  rotate: (id: string) => post<{ secret: string; old_secret_signs_until: string }>(`${path}/${id}/rotate-secret`),
  test: (id: string) => post<Tested>(`${path}/${id}/test`),
  deliveries: (id: string, cursor: string) =>
    get<{ deliveries: Delivery[]; next_cursor: string | null }>(`${path}/${id}/deliveries?limit=20&cursor=${cursor}`),
  replayOne: (id: string, eventId: string) => post<Delivery>(`${path}/${id}/deliveries/${eventId}/replay`),
  replay: (id: string, since: string) => post<{ replayed: number }>(`${path}/${id}/replay`, { since }),
};
