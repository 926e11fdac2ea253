// The mailboxes: what each is doing, why it is not if so, and what can be done about it.
import { Alert, Badge, Button, Group, Menu, ActionIcon, Modal, PasswordInput, Progress, Skeleton, Stack, Text, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconDots, IconKey, IconPlayerPause, IconPlayerPlay, IconPlus, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Inbox } from './api.js';
import { ConnectDialog } from './connect-dialog.js';
import { DemoButton } from './demo-button.js';
import { shortTime } from './format.js';

interface Look {
  color: string;
  label: string;
}

const progressLook: Record<string, Look> = {
  live: { color: 'teal', label: 'Live' },
  syncing: { color: 'blue', label: 'Reading headers' },
  connecting: { color: 'gray', label: 'Connecting' },
  waiting: { color: 'gray', label: 'Waiting' },
  slowed: { color: 'yellow', label: 'Slowed by the provider' },
  reconnecting: { color: 'yellow', label: 'Reconnecting' },
  stopped: { color: 'gray', label: 'Stopped' },
};

function lookOf(inbox: Inbox): Look {
  if (inbox.receiving === 'needs_reconnect' || inbox.sending === 'needs_reconnect') return { color: 'red', label: 'Needs a new password' };
  if (inbox.receiving === 'paused') return { color: 'gray', label: 'Paused' };
  return progressLook[inbox.progress?.state ?? 'waiting'] ?? progressLook.waiting!;
}

export function InboxesPage({ demo }: { demo: { available: boolean; state: string } }) {
  const inboxes = useQuery({ queryKey: ['inboxes'], queryFn: api.inboxes, refetchInterval: 3_000 });
  const [connecting, setConnecting] = useState(false);
  const list = inboxes.data?.inboxes ?? [];
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2}>Mailboxes</Title>
        <Group gap="xs">
          <DemoButton available={demo.available} running={demo.state === 'running'} />
          <Button leftSection={<IconPlus size={16} />} onClick={() => setConnecting(true)}>
            Connect a mailbox
          </Button>
        </Group>
      </Group>
      {inboxes.isPending && <Skeleton h={120} />}
      {inboxes.error && <Alert color="red">{inboxes.error.message}</Alert>}
      {inboxes.data && list.length === 0 && (
        <Stack className="panel" p="xl" align="center" gap="xs">
          <Text fw={600}>No mailbox is connected yet</Text>
          <Text c="dimmed" ta="center" maw={460}>
            Connect yours with an address and a password. Mail that has nothing to do with your contacts is never read: only its headers are
            looked at.
          </Text>
        </Stack>
      )}
      {list.map((inbox) => (
        <InboxCard key={inbox.inbox_id} inbox={inbox} />
      ))}
      <ConnectDialog opened={connecting} onClose={() => setConnecting(false)} />
    </Stack>
  );
}

function InboxCard({ inbox }: { inbox: Inbox }) {
  const data = useQueryClient();
  const [dialog, setDialog] = useState<'password' | 'remove' | undefined>();
  const refresh = () => data.invalidateQueries({ queryKey: ['inboxes'] });
  const act = useMutation({
    mutationFn: (what: () => Promise<unknown>) => what(),
    onSettled: refresh,
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  const look = lookOf(inbox);
  const broken = look.color === 'red';
  const paused = inbox.receiving === 'paused';
  return (
    <Stack className="panel" p="md" gap="sm" aria-label={inbox.address} component="section">
      <Group justify="space-between" wrap="nowrap">
        <Stack gap={2} miw={0}>
          <Text fw={600} truncate>
            {inbox.address}
          </Text>
          <Text size="sm" c="dimmed" truncate>
            {inbox.imap.host} · connected {shortTime(inbox.connected_at)}
          </Text>
        </Stack>
        <Group gap="xs" wrap="nowrap">
          <Badge color={look.color} variant="light" size="lg" tt="none" role="status">
            {look.label}
          </Badge>
          <Menu position="bottom-end">
            <Menu.Target>
              <ActionIcon variant="subtle" color="gray" aria-label={`More for ${inbox.address}`}>
                <IconDots size={18} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconKey size={16} />} onClick={() => setDialog('password')}>
                Enter a new password
              </Menu.Item>
              <Menu.Item
                leftSection={paused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
                onClick={() => act.mutate(() => (paused ? api.resume(inbox.inbox_id) : api.pause(inbox.inbox_id)))}
              >
                {paused ? 'Resume' : 'Pause'}
              </Menu.Item>
              <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setDialog('remove')}>
                Remove with its data
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
      </Group>
      {broken && (
        <Alert color="red" icon={<IconAlertTriangle size={18} />} variant="light">
          <Group justify="space-between">
            <Text size="sm">{inbox.reason_text || 'The mail server refused the saved password.'}</Text>
            <Button size="xs" color="red" onClick={() => setDialog('password')}>
              Reconnect
            </Button>
          </Group>
        </Alert>
      )}
      <FolderProgress inbox={inbox} />
      <PasswordDialog inbox={inbox} opened={dialog === 'password'} onClose={() => setDialog(undefined)} />
      <RemoveDialog inbox={inbox} opened={dialog === 'remove'} onClose={() => setDialog(undefined)} />
    </Stack>
  );
}

function FolderProgress({ inbox }: { inbox: Inbox }) {
  const folders = inbox.progress?.folders ?? [];
  const seen = folders.reduce((sum, folder) => sum + folder.seen, 0);
  const total = folders.reduce((sum, folder) => sum + folder.total, 0);
  if (folders.length === 0) return null;
  return (
    <Stack gap={4}>
      <Progress value={total === 0 ? 100 : (seen / total) * 100} size="sm" aria-label="Headers read" />
      <Text size="xs" c="dimmed" aria-live="polite">
        {seen.toLocaleString()} of {total.toLocaleString()} mails seen by their headers in {folders.length}{' '}
        {folders.length === 1 ? 'folder' : 'folders'}
      </Text>
    </Stack>
  );
}

interface DialogProps {
  inbox: Inbox;
  opened: boolean;
  onClose: () => void;
}

function PasswordDialog({ inbox, opened, onClose }: DialogProps) {
  const data = useQueryClient();
  const [password, setPassword] = useState('');
  const save = useMutation({
    mutationFn: () => api.reconnect(inbox.inbox_id, password),
    onSuccess: () => {
      setPassword('');
      onClose();
      void data.invalidateQueries({ queryKey: ['inboxes'] });
    },
  });
  return (
    <Modal opened={opened} onClose={onClose} title={`New password for ${inbox.address}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Stack>
          <PasswordInput
            label="Password"
            description="It is tried with both servers before it is kept."
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            required
            data-autofocus
          />
          {save.error && <Alert color="red">{save.error.message}</Alert>}
          <Button type="submit" loading={save.isPending}>
            Test and save
          </Button>
        </Stack>
      </form>
    </Modal>
  );
}

function RemoveDialog({ inbox, opened, onClose }: DialogProps) {
  const data = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.removeInbox(inbox.inbox_id),
    onSuccess: () => {
      onClose();
      void data.invalidateQueries({ queryKey: ['inboxes'] });
    },
  });
  return (
    <Modal opened={opened} onClose={onClose} title={`Remove ${inbox.address}?`}>
      <Stack>
        <Text size="sm">
          Its password, headers and captured text are deleted at once, and mail waiting to be sent is not sent. What stands on timelines
          stays. Nothing is deleted in the mailbox itself.
        </Text>
        {remove.error && <Alert color="red">{remove.error.message}</Alert>}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Keep it
          </Button>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            Remove
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
