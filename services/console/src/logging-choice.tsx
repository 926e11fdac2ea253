// Who becomes a contact by a mail, and whether mail among own people is logged: the choices, in plain words of what follows.
import { Radio, Stack, Switch } from '@mantine/core';
import type { TenantSettings } from './settings-shapes.js';

type Logging = Pick<TenantSettings, 'make_contacts' | 'log_internal'>;

const policies = [
  ['everyone', 'Everyone', 'Who writes in, and whom your people write to.'],
  ['written_to', 'Whom your people write to', 'Who writes in must be a contact already: a stranger cannot make himself one.'],
  ['nobody', 'Nobody', 'Only those whom a person or a program puts there. A mail with nobody of them stands on no timeline.'],
] as const;

export function LoggingChoice({ value, onChange }: { value: Logging; onChange: (value: Logging) => void }) {
  const change = (next: Partial<Logging>) => onChange({ ...value, ...next });
  return (
    <>
      <Radio.Group
        label="Who becomes a contact by a mail"
        description="Contacts and mails that are there stay where they are."
        value={value.make_contacts}
        onChange={(next) => change({ make_contacts: next as Logging['make_contacts'] })}
      >
        <Stack gap="xs" mt={6}>
          {policies.map(([policy, label, description]) => (
            <Radio key={policy} value={policy} label={label} description={description} />
          ))}
        </Stack>
      </Radio.Group>
      <Switch
        label="Log mail among your own people"
        description="Where it answers a logged conversation, it stands with each of them. Off, nothing of it is read."
        checked={value.log_internal}
        onChange={(event) => change({ log_internal: event.currentTarget.checked })}
      />
    </>
  );
}
