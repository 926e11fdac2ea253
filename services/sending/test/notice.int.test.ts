// Notices to owners over a real SMTP relay: one for each episode, whatever is told again and whatever breaks.
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { catalogue } from '@rejoinder/contracts/catalogue';
import {
  InboxDisconnectedSchema,
  InboxPausedSchema,
  InboxRemovedSchema,
  InboxSideStoppedSchema,
} from '@rejoinder/contracts/events/connections';
import { settle } from '@rejoinder/testing/settle';
import { advance, closeHouse, forgetBehaviours, here, inbox, openHouseWith } from './sending-house.js';

const topic = 'rejoinder.connections.v1';
const hourMs = 3_600_000;
let sequence = 10n;

beforeAll(() =>
  openHouseWith(() => ({
    REJOINDER_NOTICES_SMTP_URL: `smtp://relay%40crm:secret@localhost:${here.scripted.port}`,
    REJOINDER_NOTICES_FROM: 'CRM of Example <crm@example.com>',
    REJOINDER_PUBLIC_URL: 'https://crm.example.com/',
  })),
);
afterAll(closeHouse);
beforeEach(forgetBehaviours);

const disconnect = (inboxId: string, credentialVersion: bigint, side = 'receiving') =>
  here.house.publish(topic, InboxDisconnectedSchema, inboxId, { inboxId, side, reason: 'AUTH_REJECTED', credentialVersion }, ++sequence);
const row = async (inboxId: string) =>
  (
    await here.house.query<{ sent: boolean; due: boolean; last_reason: string | null; attempts: number }>(
      'select sent_at is not null as sent, due_at is not null as due, last_reason, attempts from sending.notice where inbox_id = $1',
      [inboxId],
    )
  )[0];
const told = (inboxId: string) => settle('the owner is told', async () => (await row(inboxId))?.sent);
/** A notice that is told already changes nothing that could be waited for: what comes after it in the same partition does. */
async function taken(inboxId: string): Promise<void> {
  await here.house.publish(topic, InboxPausedSchema, inboxId, { inboxId }, ++sequence);
  const revision = sequence;
  await settle('the events before are taken', async () => {
    const [outlet] = await here.house.query<{ revision: string }>(
      'select connections_revision as revision from sending.outlet where inbox_id = $1',
      [inboxId],
    );
    return outlet?.revision === String(revision);
  });
}
const accepted = () => here.scripted.accepted;

describe('the owner of an inbox that needs a new password', () => {
  it('is told why, and by which link it is mended', async () => {
    const { inboxId, address } = await inbox();
    await disconnect(inboxId, 1n);
    await told(inboxId);
    expect(accepted()).toHaveLength(1);
    const mail = await simpleParser(accepted()[0]!);
    expect([mail.from?.text, mail.to && 'text' in mail.to && mail.to.text]).toEqual(['"CRM of Example" <crm@example.com>', address]);
    expect(mail.text).toContain(`https://crm.example.com/reconnect/token-of-${inboxId}`);
    expect(mail.text).toContain(catalogue.AUTH_REJECTED.sentence);
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
  });

  it('is told once of an episode: of both sides, told again, or after a pause; and again of the next', async () => {
    const { inboxId } = await inbox();
    await disconnect(inboxId, 1n);
    await told(inboxId);
    // Each by itself: of a batch the newest alone is taken.
    for (const side of ['sending', 'receiving']) {
      await disconnect(inboxId, 1n, side);
      await taken(inboxId);
      expect(await row(inboxId)).toMatchObject({ sent: true, due: false });
    }
    await disconnect(inboxId, 2n, 'sending');
    await settle('the next episode', async () => accepted().length === 2);
    await told(inboxId);
    await disconnect(inboxId, 1n, 'sending');
    await taken(inboxId);
    expect(await row(inboxId)).toMatchObject({ sent: true, due: false });
    const ids = await Promise.all(accepted().map(async (raw) => (await simpleParser(raw)).messageId));
    expect(new Set(ids).size).toBe(2);
  });

  it('is not told that the other side stopped as well, which sends nothing from then on', async () => {
    const { inboxId } = await inbox();
    const message = { inboxId, side: 'sending', reason: 'AUTH_REJECTED', credentialVersion: 1n };
    await here.house.publish(topic, InboxSideStoppedSchema, inboxId, message, ++sequence);
    await settle('sending to be stopped', async () => {
      const [outlet] = await here.house.query<{ state: string }>('select state from sending.outlet where inbox_id = $1', [inboxId]);
      return outlet?.state === 'needs_reconnect';
    });
    expect([await row(inboxId), accepted().length]).toEqual([undefined, 0]);
  });

  it('is told once the relay takes it, which may be hours later', async () => {
    const { inboxId } = await inbox();
    here.scripted.next('refuse_421');
    await disconnect(inboxId, 1n);
    await settle('a refusal', async () => (await row(inboxId))?.last_reason === 'THROTTLED');
    expect(await row(inboxId)).toMatchObject({ sent: false, due: true });
    await advance(hourMs);
    await told(inboxId);
    expect(accepted()).toHaveLength(1);
  });

  it('is never told twice where nobody knows whether the relay took it', async () => {
    const { inboxId } = await inbox();
    here.scripted.next('drop_after_data');
    await disconnect(inboxId, 1n);
    await settle('given up', async () => (await row(inboxId))?.last_reason === 'SEND_UNKNOWN');
    expect(await row(inboxId)).toMatchObject({ sent: false, due: false });
    await here.house.query('update sending.notice set due_at = now() where inbox_id = $1', [inboxId]);
    await advance(hourMs);
    await settle('looked at again', async () => ((await row(inboxId))?.due === false ? true : undefined));
    expect(accepted()).toHaveLength(1);
  });

  it('is not told where the inbox is gone, and nothing of it is kept', async () => {
    const inboxId = newId();
    await disconnect(inboxId, 1n);
    const { inboxId: other } = await inbox();
    await disconnect(other, 1n);
    await told(other);
    await settle('the row is gone', async () => (await row(inboxId)) === undefined);
    await here.house.publish(topic, InboxRemovedSchema, other, { inboxId: other }, ++sequence);
    await settle('this one too', async () => (await row(other)) === undefined);
    expect(accepted()).toHaveLength(1);
  });

  it('is not mailed where no relay is set', async () => {
    await here.house.reopen({ REJOINDER_NOTICES_SMTP_URL: '' });
    const { inboxId } = await inbox();
    await disconnect(inboxId, 1n);
    await settle('the outlet knows', async () => {
      const [outlet] = await here.house.query<{ state: string }>('select state from sending.outlet where inbox_id = $1', [inboxId]);
      return outlet?.state === 'ready';
    });
    const { inboxId: later } = await inbox();
    await disconnect(later, 1n, 'sending');
    await settle('the event was taken', async () => {
      const [outlet] = await here.house.query<{ state: string }>('select state from sending.outlet where inbox_id = $1', [later]);
      return outlet?.state === 'needs_reconnect';
    });
    expect([await row(inboxId), await row(later), accepted().length]).toEqual([undefined, undefined, 0]);
  });
});
