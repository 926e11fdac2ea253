// Signs what a receiver is told, as Standard Webhooks 1.0 says: HMAC-SHA256 of id, time and body, once for each secret that is good.
import { createHmac } from 'node:crypto';
import type { Private } from '@rejoinder/base/private';

export interface ToSign {
  /** The event's id, the same at every try. */
  id: string;
  /** Of this try. */
  at: Date;
  body: string;
}

/** The three headers of a webhook. Ids and times have no full stop in them, so that no two triples are signed alike. */
export function signedHeaders({ id, at, body }: ToSign, secrets: readonly Private<string>[]): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  const signatures = secrets.map((secret) => `v1,${hmac(secret, `${id}.${timestamp}.${body}`)}`);
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

function hmac(secret: Private<string>, text: string): string {
  const key = Buffer.from(secret.reveal().replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(text).digest('base64');
}
