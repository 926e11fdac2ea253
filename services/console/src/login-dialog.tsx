// Other servers, user names or passwords for a mailbox: what changes is tried before it is kept, and nothing else is.
import { Button, Fieldset, Group, Modal, PasswordInput, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useForm, type UseFormReturnType } from '@mantine/form';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, type Inbox, type LoginChanges, type Server } from './api.js';
import { Refusal } from './refusal.js';
import { ServerFields } from './server-fields.js';

interface Side extends Server {
  username: string;
  password: string;
}
type Values = Record<'imap' | 'smtp', Side>;

interface Props {
  inbox: Inbox;
  opened: boolean;
  onClose: () => void;
  /** Once the dialog is out of sight. */
  onClosed: () => void;
}

export function LoginDialog({ inbox, opened, onClose, onClosed }: Props) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={`Servers of ${inbox.address}`}
      size="lg"
      returnFocus={false}
      onExitTransitionEnd={onClosed}
    >
      <LoginForm inbox={inbox} close={onClose} />
    </Modal>
  );
}

/** Begins anew each time the dialog is opened. */
function LoginForm({ inbox, close }: { inbox: Inbox; close: () => void }) {
  const data = useQueryClient();
  const form = useForm<Values>({
    initialValues: { imap: { ...inbox.imap, username: '', password: '' }, smtp: { ...inbox.smtp, username: '', password: '' } },
    validate: {
      imap: { host: needed, password: (password, { imap }) => neededElsewhere(password, imap, inbox.imap) },
      smtp: { host: needed, password: (password, { smtp }) => neededElsewhere(password, smtp, inbox.smtp) },
    },
  });
  const save = useMutation({
    mutationFn: (changes: LoginChanges) => api.changeLogin(inbox.inbox_id, changes),
    onSuccess: () => {
      notifications.show({ message: `The servers of ${inbox.address} are kept. What came meanwhile is read now.` });
      void data.invalidateQueries({ queryKey: ['inboxes'] });
      close();
    },
  });
  const changes = changesOf(inbox, form.values);
  return (
    <form onSubmit={form.onSubmit(() => save.mutate(changes))} noValidate>
      <Stack>
        <SideFields name="imap" legend="Receiving (IMAP)" form={form} />
        <SideFields name="smtp" legend="Sending (SMTP)" form={form} />
        {save.error && <Refusal error={save.error} />}
        <Group justify="flex-end">
          <Text size="sm" c="dimmed" role="status">
            {save.isPending ? 'Signing in; this may take half a minute.' : 'What changes is tried before it is kept.'}
          </Text>
          <Button type="submit" loading={save.isPending} disabled={Object.keys(changes).length === 0}>
            Test and save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function SideFields({ name, legend, form }: { name: keyof Values; legend: string; form: UseFormReturnType<Values> }) {
  return (
    <Fieldset legend={legend}>
      <Stack gap="sm">
        <ServerFields label="Server" name={name} getInputProps={form.getInputProps} />
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
          <TextInput
            label="User name"
            placeholder="As it is"
            autoComplete="off"
            maxLength={320}
            {...form.getInputProps(`${name}.username`)}
          />
          <PasswordInput label="Password" placeholder="As it is" autoComplete="off" {...form.getInputProps(`${name}.password`)} />
        </SimpleGrid>
      </Stack>
    </Fieldset>
  );
}

const needed = (host: string) => (host.trim() ? null : 'Which server is it?');

/** The saved one is not sent to another host. */
function neededElsewhere(password: string, typed: Server, known: Server): string | null {
  return password || typed.host.trim().toLowerCase() === known.host.toLowerCase() ? null : 'Another server needs the password again';
}

/** The sides of which something was typed. */
function changesOf(inbox: Inbox, values: Values): LoginChanges {
  const changes: LoginChanges = {};
  for (const name of ['imap', 'smtp'] as const) {
    const { username, password, ...server } = values[name];
    const isMoved = (['host', 'port', 'security'] as const).some((field) => server[field] !== inbox[name][field]);
    const change = { ...(isMoved && { server }), ...(username && { username }), ...(password && { password }) };
    if (Object.keys(change).length > 0) changes[name] = change;
  }
  return changes;
}
