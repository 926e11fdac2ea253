// What holds for all mailboxes: attachments, what new ones capture, who becomes a contact, whose mail is never logged, and who is told of events.
import { Alert, Button, Group, Skeleton, Stack, Switch, Table, Text, Textarea, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from './api.js';
import { CaptureChoice } from './capture-choice.js';
import { several } from './format.js';
import { LoggingChoice } from './logging-choice.js';
import { NeverLogDeletion } from './never-log-deletion.js';
import type { NeverLogTrial, NeverLogWarning, TenantSettings } from './settings-shapes.js';
import { Trouble } from './trouble.js';
import { Webhooks } from './webhooks.js';

const queryKey = ['settings'];

export function SettingsPage() {
  const asked = useQuery({ queryKey, queryFn: api.settings, refetchOnWindowFocus: false });
  return (
    <Stack>
      <Title order={2} tabIndex={-1}>
        Settings
      </Title>
      {asked.isPending && <Skeleton h={300} aria-label="Loading" />}
      {asked.error && <Trouble error={asked.error} again={asked.refetch} />}
      {asked.data && <SettingsForm settings={asked.data} />}
      <Webhooks />
    </Stack>
  );
}

/** One entry a line. */
const linesOf = (text: string): string[] => text.split('\n').flatMap((line) => line.trim() || []);

function SettingsForm({ settings }: { settings: TenantSettings & { warnings: NeverLogWarning[] } }) {
  const data = useQueryClient();
  const [attachments, setAttachments] = useState(settings.attachments);
  const [capture, setCapture] = useState(settings.capture);
  const [logging, setLogging] = useState({ make_contacts: settings.make_contacts, log_internal: settings.log_internal });
  const [list, setList] = useState(settings.never_log.join('\n'));
  /** Entries that came with the last save. */
  const [fresh, setFresh] = useState<string[]>([]);
  const entries = linesOf(list);
  const added = entries.filter((entry) => !settings.never_log.includes(entry.toLowerCase()));
  const trial = useMutation({ mutationFn: () => api.tryNeverLog(entries) });
  const save = useMutation({
    mutationFn: () => api.putSettings({ attachments, capture, never_log: entries, ...logging }),
    onSuccess: (saved) => {
      setFresh(saved.never_log.filter((entry) => !settings.never_log.includes(entry)));
      data.setQueryData(queryKey, saved);
      setList(saved.never_log.join('\n'));
      trial.reset();
      notifications.show({ message: 'The settings are kept.' });
    },
  });
  const warnings = trial.data?.warnings ?? settings.warnings;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Stack>
        <Stack className="panel" p="md">
          <CaptureChoice label="What is read of a mailbox that is connected from now on" value={capture} onChange={setCapture} />
          <Switch
            label="Keep attachments of logged mail"
            description="Off, no mailbox keeps any, whatever its own settings say."
            checked={attachments}
            onChange={(event) => setAttachments(event.currentTarget.checked)}
          />
        </Stack>
        <Stack className="panel" p="md">
          <LoggingChoice value={logging} onChange={setLogging} />
        </Stack>
        <Stack className="panel" p="md">
          <Textarea
            label="Never log"
            description="Addresses and domains, one a line; a domain stands for all below it. Mail that one of them is on is never read, also where it answers a conversation; of a delivery report from one of them, the returned header is. What you send them from here is logged, and what is on timelines stays unless you have it deleted."
            placeholder={'doctor@example.net\nbank.example'}
            autosize
            minRows={4}
            maxRows={14}
            value={list}
            onChange={(event) => setList(event.currentTarget.value)}
          />
          {warnings.map(({ entry, sentence }) => (
            <Alert key={entry} color="yellow" icon={<IconAlertTriangle size={18} />}>
              {sentence}
            </Alert>
          ))}
          <NeverLogDeletion entries={fresh} />
          {trial.error && <Alert color="red">{trial.error.message}</Alert>}
          {trial.data && <Trials trials={trial.data.entries} />}
          <Group>
            <Button variant="default" onClick={() => trial.mutate()} loading={trial.isPending} disabled={entries.length === 0}>
              How much would it stop?
            </Button>
            {added.length > 0 && (
              <Text size="sm" c="dimmed">
                {added.length === 1 ? '1 entry is new' : `${added.length} entries are new`}
              </Text>
            )}
          </Group>
        </Stack>
        {save.error && <Alert color="red">{save.error.message}</Alert>}
        <Group justify="flex-end">
          <Button type="submit" loading={save.isPending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Trials({ trials }: { trials: NeverLogTrial[] }) {
  return (
    <Table.ScrollContainer minWidth={320} aria-live="polite">
      <Table verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Entry</Table.Th>
            <Table.Th>Logged until now</Table.Th>
            <Table.Th>Seen by headers</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {trials.map(({ entry, tracked, seen }) => (
            <Table.Tr key={entry}>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>{entry}</Table.Td>
              <Table.Td>{several(tracked, 'mail')}</Table.Td>
              <Table.Td>{several(seen, 'mail')}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
