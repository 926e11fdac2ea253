// What somebody gets who knows a Message-ID that is none of his business: in the whole house, by mails that a real server took.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { people } from '@rejoinder/testing/crm-town';
import { buildMail, type MailParts } from '@rejoinder/testing/mail';
import { settle } from '@rejoinder/testing/settle';
import { expectNoDeadLetters, quiet, startOneHouse, type OneHouse } from './one-house.js';

const boss = 'boss@other.test';

let one: OneHouse;
let inboxId: string;
/** Message-ID of our offer to Carla. */
let offer: string;

beforeAll(async () => {
  one = await startOneHouse();
  inboxId = (await one.rest.connect(one.town.login)).inbox_id;
  const to = [{ address: people.contact, name: 'Carla' }];
  ({ message_id: offer } = await one.rest.send({ inbox_id: inboxId, to, subject: 'Offer', text: 'An offer for Carla alone.' }));
  await textOn(people.contact, 'An offer for Carla alone.');
}, 180_000);

afterAll(() => one?.stop());

async function timelineOf(address: string) {
  const contact = (await one.rest.contacts()).find((found) => found.address === address);
  return contact ? await one.rest.timeline(contact.contact_id) : [];
}
const textsOn = async (address: string) => (await timelineOf(address)).map(({ text }) => text.trim());
const textOn = (address: string, text: string) =>
  settle(`"${text}" on ${address}`, async () => (await textsOn(address)).some((found) => found.startsWith(text)), { timeoutMs: 60_000 });

/** Lets a mail come to an inbox, and everybody do what they do about it. */
async function arrive(parts: MailParts, to = people.sales): Promise<void> {
  const judged = async () => (await one.house.query<{ count: number }>('select count(*)::int as count from threading.node'))[0]!.count;
  const before = await judged();
  await one.town.dovecot.deliver(to, await buildMail({ to, ...parts }));
  await settle('the mail to be judged', async () => (await judged()) > before, { timeoutMs: 60_000 });
  await quiet(one.house);
}

describe('a stranger who knows the Message-ID of our mail to somebody else', () => {
  const words = {
    forged: 'Words under a forged id.',
    elsewhere: 'Words under another subject.',
    bare: 'Words without a quote.',
    automatic: 'Words of a program.',
  };

  it('is not read with a mail that bears the id, nor with one that cites it under another subject', async () => {
    await arrive({ from: people.stranger, subject: 'Offer', messageId: offer, text: words.forged });
    await arrive({ from: people.stranger, inReplyTo: offer, subject: 'Something else', text: words.elsewhere });
    expect([words.forged, words.elsewhere].map((text) => one.town.wire.carried(text))).toEqual([false, false]);
    expect(await textsOn(people.stranger)).toEqual([]);
  }, 120_000);

  it('is read for a quote alone under our subject, and nothing is kept where there is none', async () => {
    await arrive({ from: people.stranger, inReplyTo: offer, subject: 'Re: Offer', text: words.bare });
    expect(await textsOn(people.stranger)).toEqual([]);
    expect(await one.house.query('select 1 from sync.raw_body')).toEqual([]);
  }, 120_000);

  it('is compared as anybody if he marks his mail as a program’s, and makes himself no contact by it', async () => {
    const headers = { 'Auto-Submitted': 'auto-replied' };
    const before = (await one.rest.contacts()).length;
    await arrive({ from: people.stranger, inReplyTo: offer, subject: 'Away', text: words.automatic, headers });
    await arrive({ from: people.stranger, inReplyTo: offer, subject: 'Re: Offer', text: 'Away.\n\n> An offer', headers });
    expect(one.town.wire.carried(words.automatic)).toBe(false);
    expect((await one.rest.contacts()).length).toBe(before);
  }, 120_000);

  it('has his own mail on his own timeline if he quotes, and neither anybody else’s there nor his on theirs', async () => {
    const messageId = `<${newId()}@elsewhere.test>`;
    await arrive({ from: people.stranger, inReplyTo: offer, messageId, subject: 'Re: Offer', text: 'I heard of it.\n\n> An offer' });
    await textOn(people.stranger, 'I heard of it.');
    await arrive({ from: people.contact, inReplyTo: offer, references: [offer, messageId], subject: 'Re: Offer', text: 'Carla takes it.' });
    await textOn(people.contact, 'Carla takes it.');
    expect((await textsOn(people.stranger)).map((text) => text.split('\n')[0])).toEqual(['I heard of it.']);
    expect((await textsOn(people.contact)).sort()).toEqual(['An offer for Carla alone.', 'Carla takes it.']);
  }, 120_000);
});

describe('somebody who answers us and cites a private mail as well', () => {
  it('has that answer logged, and the private mail is never read, nor is its writer a contact', async () => {
    const messageId = `<${newId()}@partner.test>`;
    await arrive({ from: people.third, messageId, subject: 'Between us', text: 'Words that are private.' });
    await arrive({ from: people.contact, references: [messageId, offer], inReplyTo: offer, subject: 'Re: Offer', text: 'Theo says yes.' });
    await textOn(people.contact, 'Theo says yes.');
    expect(one.town.wire.carried('Words that are private.')).toBe(false);
    expect((await one.rest.contacts()).map(({ address }) => address)).not.toContain(people.third);
  }, 120_000);
});

describe('somebody who knows the Message-ID of a private mail, and that of ours', () => {
  const theirs = 'banker@bank.test';
  const contacts = async () => (await one.rest.contacts()).map(({ address }) => address);
  const carried = (texts: string[]) => texts.map((text) => one.town.wire.carried(text));

  it('gets none of the private mails read by one that bears its id and answers ours, before or after they came', async () => {
    for (const from of [people.contact, people.stranger]) {
      const [messageId, second] = [`<${newId()}@bank.test>`, `<${newId()}@bank.test>`];
      const words = ['first', 'second', 'third', 'fourth'].map((which) => `Words of ${theirs}, the ${which}, ${messageId}`);
      const [subject, answer] = ['Loan', 'Re: Loan'];
      await arrive({ from: theirs, messageId, subject, text: words[0]! });
      await arrive({ from: theirs, messageId: second, inReplyTo: messageId, subject: answer, text: words[1]! });
      await arrive({ from: theirs, inReplyTo: second, references: [messageId, second], subject: answer, text: words[2]! });
      await arrive({
        from,
        messageId,
        inReplyTo: offer,
        subject: 'Re: Offer',
        text: 'Under an id of somebody else.\n\n> An offer',
      });
      await textOn(from, 'Under an id of somebody else.');
      await arrive({ from: theirs, inReplyTo: messageId, subject: answer, text: words[3]! });
      expect(carried(words)).toEqual([false, false, false, false]);
      expect(await contacts()).not.toContain(theirs);
    }
  }, 240_000);

  it('has what was read for his mail withdrawn once the mail comes whose id it was', async () => {
    const messageId = `<${newId()}@bank.test>`;
    await arrive({ from: people.contact, messageId, inReplyTo: offer, subject: 'Re: Offer', text: 'Sooner than the bank.\n\n> An offer' });
    await arrive({ from: people.contact, inReplyTo: messageId, subject: 'Re: Offer', text: 'Answers that id alone.' });
    await textOn(people.contact, 'Answers that id alone.');
    await arrive({ from: theirs, messageId, subject: 'Loan', text: 'Words of the bank.' });
    await settle('the answer to be withdrawn', async () => !(await textsOn(people.contact)).includes('Answers that id alone.'));
    expect(await textsOn(people.contact)).toContainEqual(expect.stringMatching('Sooner than the bank.'));
    expect(carried(['Words of the bank.'])).toEqual([false]);
  }, 120_000);
});

describe('another company with the same Message-IDs', () => {
  it('has its own mails of them, and neither reads, joins nor shows those of the first', async () => {
    const tenantId = newId();
    const { town, house } = one;
    await town.dovecot.addUser(boss, 'secret');
    const server = (port: number) => ({ host: 'localhost', port, security: 'tls' });
    const login = { address: boss, password: 'secret', imap: server(town.wire.port), smtp: server(town.dovecot.submissionsPort) };
    await house.peers.client(ConnectionsService).connect({ tenantId, login, displayName: 'Boss' }, { deadlineMs: 40_000 });
    const before = [await timelineOf(people.contact), await timelineOf(people.stranger)];
    // The same id and the same answer to it, forged into both companies.
    await arrive({ from: people.contact, inReplyTo: offer, subject: 'Re: Offer', text: 'Read by nobody here.\n\n> An offer' }, boss);
    expect(town.wire.carried('Read by nobody here.')).toBe(false);
    await house.peers.client(ThreadingService).track({ tenantId, messageId: offer });
    await arrive({ from: people.third, messageId: offer, subject: 'Offer', text: 'The other company’s own.' }, boss);
    const contacts = async () =>
      (await house.peers.client(TimelineService).listContacts({ tenantId })).contacts.map(({ address }) => address);
    await settle('the mail of the other company', async () => (await contacts()).includes(people.third), { timeoutMs: 60_000 });
    expect((await contacts()).sort()).toEqual([people.contact, people.third].sort());
    expect([await timelineOf(people.contact), await timelineOf(people.stranger)]).toEqual(before);
    const shared = `select thread_id from threading.node where tenant_id = $1 intersect select thread_id from threading.node where tenant_id <> $1`;
    expect(await house.query(shared, [tenantId])).toEqual([]);
  }, 180_000);
});

it('nothing of it died on the way', () => expectNoDeadLetters(one.house));
