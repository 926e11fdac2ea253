// Mails made at random as facts that the store takes, with ids and hashes made of their names.
import { createHash } from 'node:crypto';
import type { Facts } from '../src/graph/sighting.js';
import type { Made } from './graphs.js';

export const hash = (text: string) => `\\x${createHash('sha256').update(text).digest('hex')}`;
export const uuid = (text: string) =>
  createHash('sha256')
    .update(text)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5');

const inboxId = uuid('inbox');

export function factsOf(tenantId: string, name: string, made: Omit<Made, 'quotes'>): Facts {
  const [from, ...recipients] = made.people.map((one) => hash(`person ${one}`));
  return {
    tenantId,
    mailId: uuid(`${tenantId} ${name}`),
    ids: [hash(`id ${made.id}`)],
    chain: made.cites.filter((one) => one !== made.id).map((one) => hash(`id ${one}`)),
    from: from ?? hash('own'),
    recipients,
    subject: hash(made.isSecondSubject ? 'second' : 'first'),
    kind: made.isReport ? 'delivery_report' : 'person',
    root: made.root,
    sendId: made.root === 'sent' ? uuid(`send ${tenantId} ${name}`) : null,
    inboxIds: made.root === 'sent' ? [] : [inboxId],
    historical: false,
    seenAt: new Date().toISOString(),
    domains: [],
    receivedAt: null,
  };
}
