// REST of what holds for all inboxes of a tenant, and of the never-log list before it holds.
import { z } from 'zod';
import { ConnectionsService, type NeverLogWarning, type TenantSettings } from '@rejoinder/contracts/api/connections';
import { contactPolicies } from '@rejoinder/contracts/contact-policies';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { Peers } from '@rejoinder/runtime/peers';
import { TenantId } from '../people/caller.js';
import { FromBody, Route, V1 } from '../web/route.js';
import { count, text } from './shapes.js';

const maxEntries = 1_000;
const maxEntry = 320;
/** A trial reads all that is known of a tenant's mail. */
const trial = { deadlineMs: 25_000 };

const entries = z
  .array(z.string().min(1).max(maxEntry))
  .max(maxEntries)
  .meta({ description: 'Addresses and domains, a domain with all below it', examples: [['doctor@example.net', 'bank.example']] });
const makeContacts = z.enum(contactPolicies).meta({
  description:
    'Who becomes a contact by a mail. everyone: who wrote in, and who was written to. written_to: only whom your own people wrote to. nobody: only those that are put there. Left out, it stays',
  examples: ['everyone'],
});
const logInternal = z.boolean().meta({
  description:
    'true: mail that nobody but your own people is on is logged where it answers logged mail, with each of them. false: it is not read. Left out, it stays',
  examples: [false],
});
const settingsBody = z.strictObject({
  attachments: z.boolean().meta({ description: 'false: no inbox logs attachments, whatever its own settings say', examples: [true] }),
  capture: z.enum(['tracked', 'all']).meta({ description: 'Of inboxes that are connected without a word about it', examples: ['tracked'] }),
  never_log: entries,
  make_contacts: makeContacts.optional(),
  log_internal: logInternal.optional(),
});
const warning = z
  .object({
    entry: text('example.com'),
    sentence: text('example.com covers your own mailbox ada@example.com: none of its mail is logged any more.'),
  })
  .meta({ id: 'NeverLogWarning' });
const settingsSchema = z
  .object({
    attachments: z.boolean().meta({ examples: [true] }),
    capture: text('tracked'),
    never_log: z.array(text('bank.example')),
    make_contacts: makeContacts,
    log_internal: logInternal,
    warnings: z.array(warning),
  })
  .meta({ id: 'Settings' });
const trialBody = z.strictObject({ entries });
const trialSchema = z.object({
  entries: z.array(
    z.object({
      entry: text('bank.example'),
      tracked: count(2).meta({ description: 'Logged mails that are from or to it, less those sent from the CRM' }),
      seen: count(17).meta({ description: 'Mails whose headers are known that are from or to it' }),
    }),
  ),
  warnings: z.array(warning),
});

const deletionSchema = z
  .object({
    state: z.enum(['none', 'running', 'done']).meta({ description: 'none: never asked for' }),
    mails: count(42).meta({ description: 'Logged mails there were to delete' }),
    deleted: count(12),
  })
  .meta({ id: 'NeverLogDeletion' });

const notOnList = {
  code: 'NOT_ON_LIST',
  detail: 'Only the mail of entries that are on the never-log list can be deleted: put them there first.',
};

type Deletion = z.infer<typeof deletionSchema>;
type SettingsAnswer = z.infer<typeof settingsSchema>;

@V1('settings')
export class SettingsApi {
  constructor(private readonly peers: Peers) {}

  @Route({ method: 'GET', says: 'What holds for all inboxes', result: 'The settings', answers: settingsSchema })
  async settings(@TenantId() tenantId: string): Promise<SettingsAnswer> {
    const { settings, warnings } = await this.#connections.getTenantSettings({ tenantId });
    return toSettings(settings!, warnings);
  }

  @Route({
    method: 'PUT',
    says: 'Replaces what holds for all inboxes',
    result: 'The settings from now on, with what a person may not have meant',
    answers: settingsSchema,
  })
  async put(@TenantId() tenantId: string, @FromBody(settingsBody) body: z.infer<typeof settingsBody>): Promise<SettingsAnswer> {
    const { never_log: neverLog, make_contacts: contacts, log_internal: internal, ...rest } = body;
    const { settings, warnings } = await this.#connections.putTenantSettings({
      tenantId,
      settings: { ...rest, neverLog, makeContacts: contacts, logInternal: internal },
    });
    return toSettings(settings!, warnings);
  }

  @Route({
    method: 'POST',
    path: 'never-log/dry-run',
    says: 'How much each entry would have kept off timelines; changes nothing',
    result: 'Numbers of mails, for each entry',
    answers: trialSchema,
  })
  async tryNeverLog(
    @TenantId() tenantId: string,
    @FromBody(trialBody) body: z.infer<typeof trialBody>,
  ): Promise<z.infer<typeof trialSchema>> {
    const { trials, warnings } = await this.#connections.tryNeverLog({ tenantId, entries: body.entries }, trial);
    const told = trials.map(({ entry, tracked, seen }) => ({ entry, tracked: Number(tracked), seen: Number(seen) }));
    return { entries: told, warnings: warnings.map(toWarning) };
  }

  @Route({
    method: 'POST',
    path: 'never-log/deletion',
    says: 'Deletes for good what is logged of mail from or to entries that are on the list; what was sent from the CRM stays',
    result: 'It is being deleted; GET tells how far that is',
    status: 202,
    answers: deletionSchema,
    refuses: { 409: [notOnList] },
  })
  async deleteNeverLogged(@TenantId() tenantId: string, @FromBody(trialBody) body: z.infer<typeof trialBody>): Promise<Deletion> {
    const { mails } = await this.#connections.deleteNeverLogged({ tenantId, entries: body.entries }, trial);
    return { state: 'running', mails: Number(mails), deleted: 0 };
  }

  @Route({
    method: 'GET',
    path: 'never-log/deletion',
    says: 'How far the last deletion of logged mail is',
    result: 'How many mails there were, and how many are deleted',
    answers: deletionSchema,
  })
  async deletion(@TenantId() tenantId: string): Promise<Deletion> {
    const { deletion } = await this.peers.client(ThreadingService).getDeletion({ tenantId });
    const { state, mails, deleted } = deletion!;
    return { state: state as Deletion['state'], mails: Number(mails), deleted: Number(deleted) };
  }

  get #connections() {
    return this.peers.client(ConnectionsService);
  }
}

const toWarning = ({ entry, sentence }: NeverLogWarning) => ({ entry, sentence });

const toSettings = (settings: TenantSettings, warnings: NeverLogWarning[]): SettingsAnswer => ({
  attachments: settings.attachments,
  capture: settings.capture,
  never_log: settings.neverLog,
  make_contacts: (settings.makeContacts ?? 'everyone') as SettingsAnswer['make_contacts'],
  log_internal: settings.logInternal ?? false,
  warnings: warnings.map(toWarning),
});
