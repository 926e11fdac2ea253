// REST of conversations: who may be told what of a mail, and who said what of it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { consoleToken, ask } from './gateway-house.js';
import { engagementId, mailId, privateMailId, problemOf, startRestHouse, threadId, unknownMailId, type RestHouse } from './rest-house.js';

let house: RestHouse;
beforeAll(async () => {
  house = await startRestHouse();
});
afterAll(() => house?.stop());

const call: RestHouse['gateway']['call'] = (...args) => house.gateway.call(...args);
const head = {
  engagement_id: engagementId,
  subject: 'Re: Hello',
  message_id: 'x@example.com',
  from: { address: 'bob@example.com', name: 'Bob' },
};

test('an explanation says the rule in words, and tells of headers of tracked mail alone', async () => {
  const { json } = await call('GET', `/v1/mails/${mailId}/explain`);
  expect(json).toMatchObject({
    mail_id: mailId,
    thread_id: threadId,
    verdict: 'tracked',
    rule: 'answers',
    rule_text: 'It answers a mail that is logged.',
    mail: head,
    evidence: [
      { mail_id: privateMailId, tracked: false, mail: null, ended: null },
      { mail_id: mailId, tracked: true, mail: head, ended: 'tracked' },
      { mail_id: null, mails: 0, mail: null },
    ],
  });
  house.asked.heads.length = 0;
  const { json: ofPrivate } = await call('GET', `/v1/mails/${privateMailId}/explain`);
  expect(ofPrivate).toMatchObject({ verdict: 'untracked', mail: null });
  const { json: thread } = await call('GET', `/v1/threads/${threadId}`);
  expect(thread).toMatchObject({
    mails: [
      { mail_id: mailId, mail: head },
      { mail_id: privateMailId, verdict: 'untracked', mail: null },
    ],
  });
});

test('a mail that nobody knows is not there', async () => {
  expect(problemOf(await call('GET', `/v1/mails/${unknownMailId}/explain`))).toEqual([404, 'MAIL_NOT_FOUND']);
  expect(problemOf(await call('POST', `/v1/threads/${threadId}/split`, { body: { mail_id: unknownMailId } }))).toEqual([
    404,
    'MAIL_NOT_FOUND',
  ]);
});

test('who says what of a mail is kept as what it is: a person at the console, or a program', async () => {
  const path = `/v1/threads/${threadId}/split`;
  expect((await call('POST', path, { body: { mail_id: mailId } })).json).toMatchObject({
    kind: 'split',
    mail_id: mailId,
    into_mail_id: null,
    by: 'api',
  });
  const { port, host } = house.gateway;
  const cookie = (await ask(port, 'GET', `/open?token=${consoleToken}`)).headers['set-cookie']![0]!.split(';')[0]!;
  const byPerson = await ask(port, 'POST', path, { mail_id: mailId }, { cookie, origin: `http://${host}`, host });
  expect(byPerson.json).toMatchObject({ by: 'console' });
  expect((await ask(port, 'POST', path, { mail_id: mailId })).status).toBe(401);
});

test('a mail is said not to have been meant to be logged by its id alone; one that was sent from here is refused', async () => {
  expect((await call('POST', `/v1/mails/${mailId}/unlog`)).json).toMatchObject({ kind: 'unlog', mail_id: mailId, mail: head, by: 'api' });
  expect(problemOf(await call('POST', `/v1/mails/${unknownMailId}/unlog`))).toEqual([409, 'SENT_FROM_HERE']);
});

test('who acts on a conversation that the mail has left is told so, unless the same was said before', async () => {
  const old = newId();
  const body = { mail_id: privateMailId, into_mail_id: mailId };
  expect(problemOf(await call('POST', `/v1/threads/${old}/split`, { body: { mail_id: privateMailId } }))).toEqual([409, 'NOT_IN_THREAD']);
  expect(problemOf(await call('POST', `/v1/threads/${old}/merge`, { body: { ...body, into_mail_id: newId() } }))).toEqual([
    409,
    'NOT_IN_THREAD',
  ]);
  expect((await call('POST', `/v1/threads/${old}/merge`, { body })).json).toMatchObject({
    kind: 'merge',
    mail_id: privateMailId,
    into_mail_id: mailId,
  });
});

test('pins are listed of a mail, of a conversation, or all; and what is no id is refused', async () => {
  expect((await call('GET', `/v1/pins?mail_id=${mailId}&limit=7`)).json).toMatchObject({
    pins: [{ kind: 'merge' }],
    next_cursor: 'after 7',
  });
  expect(problemOf(await call('GET', '/v1/pins?mail_id=x'))).toEqual([400, 'INVALID']);
  expect((await call('DELETE', `/v1/pins/${newId()}`)).status).toBe(204);
});
