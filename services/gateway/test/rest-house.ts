// A gateway whose neighbours answer as they do, one of each thing: for tests of REST.
import { Fault, type FaultKind } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { RetentionService } from '@rejoinder/contracts/api/retention';
import { SendingService, type SendRequest } from '@rejoinder/contracts/api/sending';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { AttachmentState, MailKind } from '@rejoinder/contracts/mail';
import { startGateway, type Answer, type Gateway } from './gateway-house.js';
import { startPeer } from './peers.js';

export const [inboxId, contactId, engagementId, sendId, trackedId, mailId] = Array.from({ length: 6 }, newId) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
export const [threadId, privateMailId, unknownMailId] = Array.from({ length: 3 }, newId) as [string, string, string];
const at = { seconds: 1_700_000_000n, nanos: 120_000_000 };
export const server = { host: 'mail.example.com', port: 993, security: 'tls' };
const inbox = {
  inboxId,
  address: 'ada@example.com',
  displayName: 'Ada',
  receiving: 'needs_reconnect',
  receivingReason: 'AUTH_REJECTED',
  sending: 'ready',
  settings: { capture: 'tracked', attachments: true, historyDays: 30, logFolder: '' },
  connectedAt: at,
  imap: server,
  smtp: { ...server, port: 465 },
};
const contact = { contactId, address: 'bob@example.com', name: 'Bob', lastActivityAt: at, engagements: 3n };
const engagement = {
  engagementId,
  contactId,
  mailId,
  threadId: newId(),
  direction: 'in',
  from: { address: 'bob@example.com', name: 'Bob' },
  to: [{ address: 'ada@example.com', name: '' }],
  subject: 'Re: Hello',
  text: 'Yes',
  html: '<p>Yes</p>',
  occurredAt: at,
  textState: 'ready',
  state: 'failed',
  stateReason: 'QUOTA',
  inboxId,
  kind: MailKind.PERSON,
  messageId: 'x@example.com',
  deliveries: [{ address: 'bob@example.com', class: 'permanent', status: '5.1.1', outcome: 'hard_bounce' }],
  attachments: [
    {
      attachmentId: newId(),
      fileName: 'a.pdf',
      contentType: 'application/pdf',
      sizeBytes: 5n,
      state: AttachmentState.REJECTED,
      reason: 'gone',
    },
  ],
};
const pin = { pinId: newId(), kind: 'merge', mailId: privateMailId, intoMailId: mailId, by: 'console', madeAt: at };
const reported = { address: 'bob@example.com', outcome: 'soft_bounce', status: '4.4.7', reportMailId: mailId, reportedAt: at };
const send = {
  sendId,
  inboxId,
  mailId,
  state: 'failed',
  reason: 'QUOTA',
  messageId: 'y@example.com',
  acceptedAt: at,
  deliveries: [reported],
};

const checksOf = (password: string) => {
  const passed = password !== 'wrong';
  return [
    { protocol: 'imap', passed, code: passed ? '' : 'AUTH_REJECTED', detail: passed ? '' : 'Refused.', server: 'imap.example.com:993' },
    { protocol: 'smtp', passed: true },
  ];
};

const kinds: FaultKind[] = ['not_found', 'conflict', 'invalid', 'denied', 'busy', 'gone', 'too_large', 'broken'];
/** Contacts that are refused, by the kind of refusal. */
export const faults = new Map(kinds.map((kind) => [newId(), kind]));
/** A contact behind which something breaks. */
export const bug = newId();

export const login = { address: 'ada@example.com', password: 'right', imap: server, smtp: server };
export const mail = { inbox_id: inboxId, to: [{ address: 'bob@example.com', name: 'Bob' }], subject: 'Hello', text: 'Hello' };

export const problemOf = ({ status, json }: Answer) => [status, (json as { code: string }).code];

export interface RestHouse {
  gateway: Gateway;
  /** What the neighbours were asked last. */
  asked: { send?: SendRequest; settings: unknown[]; callers: string[]; heads: string[] };
  stop(): Promise<void>;
}

export async function startRestHouse(env: Record<string, string> = {}): Promise<RestHouse> {
  const asked: RestHouse['asked'] = { settings: [], callers: [], heads: [] };
  const gateway = await startGateway(env);
  const address = (service: Parameters<typeof gateway.house.house.peerAddress>[0]) => gateway.house.house.peerAddress(service);
  const peers = [
    await startPeer(address('connections'), ConnectionsService, {
      discover: (request) => {
        if (request.address.endsWith('@unknown.example')) throw new Fault('not_found', 'NOT_DISCOVERED', 'Type the servers.');
        return { imap: server, smtp: server, provider: 'Example', hint: '' };
      },
      verify: ({ login }) => ({ checks: checksOf(login!.password), capabilities: ['IDLE'] }),
      connect: ({ login, settings }) => {
        asked.settings.push(settings);
        return { inbox: login!.password === 'wrong' ? undefined : inbox, checks: checksOf(login!.password) };
      },
      reconnect: ({ password }) => ({ inbox: password === 'wrong' ? undefined : inbox, checks: checksOf(password) }),
      changeLogin: ({ imap, smtp }) => {
        const isWrong = [imap, smtp].some((side) => side?.password === 'wrong');
        return {
          inbox: isWrong ? undefined : { ...inbox, imap: imap?.server, smtp: smtp?.server },
          checks: checksOf(isWrong ? 'wrong' : 'right'),
        };
      },
      startSignIn: (request) => {
        if (request.provider === 'none') throw new Fault('invalid', 'OAUTH_NOT_SET_UP', 'Not set up.');
        asked.callers.push(request.caller);
        return { authorizationUrl: `https://provider.example/authorize?login_hint=${request.address}` };
      },
      finishSignIn: ({ callbackUrl, caller }) => {
        if (!asked.callers.includes(caller)) throw new Fault('gone', 'SIGN_IN_GONE', 'Gone.');
        const refused = callbackUrl.includes('code=refused');
        return {
          inbox: refused ? undefined : inbox,
          checks: checksOf(refused ? 'wrong' : 'right'),
          reconnected: callbackUrl.includes('again'),
        };
      },
      createReconnectLink: () => ({ token: 'a'.repeat(43), expiresAt: at, address: inbox.address }),
      pause: () => ({ inbox }),
      resume: () => ({ inbox }),
      updateSettings: (request) => {
        asked.settings.push(request);
        return { inbox };
      },
      getTenantSettings: () => ({ settings: { attachments: true, capture: 'tracked', neverLog: ['bank.example'] } }),
      putTenantSettings: ({ settings }) => ({ settings, warnings: [{ entry: 'example.com', sentence: 'That is you.' }] }),
      deleteNeverLogged: () => ({ mails: 2n }),
      tryNeverLog: ({ entries }) => ({ trials: entries.map((entry) => ({ entry, tracked: 1n, seen: 2n })) }),
      remove: () => ({}),
      getInbox: (request) => {
        if (request.inboxId !== inboxId) throw new Fault('not_found', 'INBOX_NOT_FOUND', 'There is no such inbox.');
        return { inbox };
      },
      listInboxes: ({ pageSize, pageToken, query, state }) => ({
        inboxes: query === '' && state === '' ? [inbox] : [{ ...inbox, displayName: `${query} ${state}` }],
        nextPageToken: pageToken === '' ? `after ${pageSize}` : '',
      }),
    }),
    await startPeer(address('timeline'), TimelineService, {
      listContacts: () => ({ contacts: [contact], nextPageToken: 'more' }),
      addContactAddress: ({ address }) => ({ contact: { ...contact, otherAddresses: [address] }, mergedContactId: newId() }),
      removeContactAddress: ({ address }) => {
        if (address === contact.address) throw new Fault('conflict', 'FIRST_ADDRESS', 'It stays.');
        return { contact };
      },
      putContact: ({ address }) => ({ contact, created: address === 'new@example.com' }),
      getContact: (request) => {
        const kind = faults.get(request.contactId);
        if (kind) throw new Fault(kind, 'SOME_CODE', 'One sentence.', kind === 'busy' ? 1_500 : undefined);
        if (request.contactId === bug) throw new Error('secret of the inside');
        return { contact };
      },
      listEngagements: () => ({ engagements: [engagement], nextPageToken: '' }),
      getPlaces: () => ({ engagementIds: [], reason: 'no_contact' }),
      getEngagement: () => ({ engagement: { ...engagement, threadId: '', direction: 'out', sendId, kind: MailKind.UNSPECIFIED } }),
      deleteEngagement: () => ({}),
      getMails: (request) => {
        asked.heads.push(...request.mailIds);
        const { subject, messageId, from } = engagement;
        const of = (one: string) => ({ mailId: one, engagementId, contactId, direction: 'in', from, subject, messageId, occurredAt: at });
        return { mails: request.mailIds.map(of) };
      },
    }),
    await startPeer(address('sending'), SendingService, {
      send: (request) => {
        asked.send = request;
        return { send };
      },
      getSend: () => ({ send }),
      cancel: () => ({ send }),
      resolve: () => ({ send }),
    }),
    await startPeer(address('threading'), ThreadingService, {
      track: () => ({ trackedId, state: 'searching', mailId: '' }),
      getDeletion: () => ({ deletion: { state: 'running', mails: 2n, deleted: 1n } }),
      getTracked: () => ({ trackedId, state: 'captured', mailId, reason: '' }),
      explain: (request) => {
        if (request.mailId === unknownMailId) throw faultOf('MAIL_NOT_FOUND');
        const verdict = request.mailId === privateMailId ? 'untracked' : 'tracked';
        const evidence = [
          { mailId: privateMailId, tracked: false, mails: 1, ended: '' },
          { mailId, tracked: true, mails: 1, ended: 'tracked' },
          { mailId: '', tracked: false, mails: 0, ended: '' },
        ];
        return {
          mailId: request.mailId,
          threadId,
          revision: 1n,
          verdict,
          because: 'answers',
          rule: 'answers',
          answersMailId: mailId,
          evidence,
          pins: [pin],
        };
      },
      split: ({ mailId, by }) => ({ pin: { ...pin, kind: 'split', mailId, intoMailId: '', by } }),
      unlog: ({ mailId, by }) => {
        if (mailId === unknownMailId) throw faultOf('SENT_FROM_HERE');
        return { pin: { ...pin, kind: 'unlog', mailId, intoMailId: '', by } };
      },
      untrack: () => ({}),
      merge: ({ mailId, intoMailId, by }) => ({ pin: { ...pin, mailId, intoMailId, by } }),
      unpin: () => ({}),
      listLeftAnswers: ({ threadIds }) => {
        const left = { mailId: privateMailId, threadId, answersMailId: mailId, rule: 'not_quoting', receivedAt: at, inboxIds: [inboxId] };
        return { answers: threadIds.map((leftThreadId) => ({ ...left, leftThreadId })) };
      },
      listPins: ({ pageSize }) => ({ pins: [pin], nextPageToken: `after ${pageSize}` }),
      getThread: () => ({
        threadId,
        mails: [
          { mailId, verdict: 'tracked', because: 'sent' },
          { mailId: privateMailId, verdict: 'untracked', because: 'untracked' },
        ],
        nextPageToken: 'more',
      }),
    }),
    await startPeer(address('retention'), RetentionService, {
      prove: () => ({
        provedAt: at,
        holds: true,
        verdicts: [
          {
            owner: 'sync',
            holds: true,
            store: { name: 'sync.raw_body', retentionClass: 'R1', oldest: at, setting: 'S', limitSeconds: 604_800n },
          },
        ],
      }),
    }),
  ];
  const stop = async () => {
    for (const peer of peers) await peer.stop();
    await gateway.stop();
  };
  return { gateway, asked, stop };
}
