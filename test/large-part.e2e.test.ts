// Where large mails are let in, one part over the limit of parts is refused by what is declared of it, before a byte of it is fetched; all else is logged.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { people } from '@rejoinder/testing/crm-town';
import { replyTo } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { filesIn } from './folder.js';
import { connectSales, onTimeline, sendToContact } from './main-job.js';
import { expectNoDeadLetters, startOneHouse, type OneHouse } from './one-house.js';

/** Its base64 has lines of 76 characters; with the shortest lines in use, and so the most line breaks, it would still be over 50 MB. */
const filmBytes = 53_000_000;
const base64Line = 57;

let one: OneHouse;

beforeAll(async () => {
  one = await startOneHouse({ env: { REJOINDER_MAIL_LIMIT_BYTES: '100000000' } });
}, 120_000);

afterAll(async () => {
  await one?.stop();
}, 60_000);

it('a part of 53 MB is refused unseen, its mail is logged, and so is the small part beside it', async () => {
  const { rest, town } = one;
  const inboxId = await connectSales(one);
  const { raw } = await sendToContact(one, inboxId, 'The film');
  const [note, film] = [randomBytes(150_000), randomBytes(filmBytes)];
  const reply = await replyTo(raw, {
    from: people.contact,
    text: 'Here is the film, with a note on it.',
    attachments: [
      { filename: 'film.mp4', contentType: 'video/mp4', content: film },
      { filename: 'note.bin', contentType: 'application/octet-stream', content: note },
    ],
  });
  town.wire.clear();
  await town.dovecot.deliver(people.sales, reply);
  const contact = await settle('the contact', async () => (await rest.contacts()).find(({ address }) => address === people.contact));
  const isStored = ({ file_name, state }: { file_name: string; state: string }) => file_name !== 'note.bin' || state === 'stored';
  const logged = await onTimeline(
    one,
    contact.contact_id,
    'Re: The film',
    ({ text_state, attachments }) => text_state === 'ready' && attachments.length === 2 && attachments.every(isStored),
    60,
  );
  expect(logged.text).toContain('Here is the film, with a note on it.');
  const states = logged.attachments.map(({ file_name, state, reason }) => [file_name, state, reason]);
  expect(states.toSorted()).toEqual([
    ['film.mp4', 'rejected', 'part_too_large'],
    ['note.bin', 'stored', ''],
  ]);
  const stored = logged.attachments.find(({ file_name }) => file_name === 'note.bin')!;
  expect(await rest.download(stored.attachment_id)).toEqual(note);

  const fetched = [...new Set(town.wire.bodies().map(({ name }) => name.replace(/<.*/, '')))];
  expect(fetched.toSorted()).toEqual(['BODY[1]', 'BODY[3]']);
  expect(town.wire.bodies().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeLessThan(note.length * 1.5);
  for (const line of [0, 400_000, Math.floor(film.length / base64Line) - 1])
    expect(town.wire.carried(film.subarray(line * base64Line, (line + 1) * base64Line).toString('base64'))).toBe(false);
  // The bytes of the note did cross: the wire would have shown those of the film.
  expect(town.wire.carried(note.subarray(0, base64Line).toString('base64'))).toBe(true);
  expect(await filesIn(one.store)).toHaveLength(1);
  await expectNoDeadLetters(one.house);
}, 180_000);
