// One mailbox as the list shows it: what it is doing, why it is not if so, and what can be done about it.
import { ActionIcon, Alert, Badge, Button, Group, Menu, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import {
  IconAlertTriangle,
  IconDots,
  IconHistory,
  IconKey,
  IconLink,
  IconMailForward,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconServer,
  IconSettings,
  IconTrash,
} from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, type Inbox } from './api.js';
import { ConfirmDialog } from './confirm-dialog.js';
import { ConnectionLogDialog } from './connection-log-dialog.js';
import { useFocusBack } from './focus.js';
import { shortTime } from './format.js';
import { needsPassword, sidesOf, stopped, whereAndSince } from './inbox-state.js';
import { Folders, Missing } from './inbox-progress.js';
import { InboxSettingsDialog } from './inbox-settings-dialog.js';
import { LoginDialog } from './login-dialog.js';
import { LoggingAddressDialog } from './logging-address-dialog.js';
import { PasswordDialog } from './password-dialog.js';
import { Refusal } from './refusal.js';
import { useSignIn } from './sign-in-offer.js';

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
  if (needsPassword(inbox)) return { color: 'red', label: inbox.oauth_provider ? 'Needs to be signed in again' : 'Needs a new password' };
  if (inbox.receiving === 'paused') return { color: 'gray', label: 'Paused' };
  const look = progressLook[inbox.progress?.state ?? 'waiting'] ?? progressLook.waiting!;
  const until = inbox.progress?.state === 'slowed' ? inbox.progress.next_try_at : null;
  return until ? { ...look, label: `${look.label} until ${shortTime(until)}` } : look;
}

export function InboxCard({ inbox }: { inbox: Inbox }) {
  const [newPassword, askPassword] = useDisclosure();
  const [logging, showLogging] = useDisclosure();
  const [settings, showSettings] = useDisclosure();
  const [servers, showServers] = useDisclosure();
  const [log, showLog] = useDisclosure();
  const { target, back } = useFocusBack();
  const signIn = useSignIn();
  const again = () => signIn.mutate({ provider: inbox.oauth_provider, inbox_id: inbox.inbox_id });
  const look = lookOf(inbox);
  return (
    <Stack className="panel" p="md" gap="sm" aria-label={inbox.address} component="section">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Stack gap={2} miw={0}>
          <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
            {inbox.address}
          </Text>
          <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {[inbox.display_name, inbox.imap.host, `connected ${shortTime(inbox.connected_at)}`].filter(Boolean).join(' · ')}
          </Text>
          <Text size="xs" c="dimmed">
            {sidesOf(inbox)}
          </Text>
        </Stack>
        <Group gap="xs" wrap="nowrap" style={{ flex: 'none' }}>
          <Badge color={look.color} variant="light" size="lg" tt="none" role="status">
            {look.label}
          </Badge>
          <InboxMenu
            inbox={inbox}
            target={target}
            back={back}
            renew={inbox.oauth_provider ? again : askPassword.open}
            showLogging={showLogging.open}
            showSettings={showSettings.open}
            showLog={showLog.open}
            showServers={inbox.oauth_provider ? undefined : showServers.open}
          />
        </Group>
      </Group>
      {look.color === 'red' && (
        <Alert color="red" icon={<IconAlertTriangle size={18} />}>
          <Group justify="space-between">
            <Stack gap={2}>
              {stopped(inbox).map((sentence) => (
                <Text key={sentence} size="sm">
                  {sentence}
                </Text>
              ))}
              <Text size="xs" style={{ overflowWrap: 'anywhere' }}>
                {whereAndSince(inbox)}
              </Text>
            </Stack>
            {inbox.oauth_provider ? (
              <Button size="xs" color="red" loading={signIn.isPending || signIn.isSuccess} onClick={again}>
                Sign in again
              </Button>
            ) : (
              <Group gap="xs">
                <Button size="xs" color="red" variant="outline" onClick={showServers.open}>
                  Other servers
                </Button>
                <Button size="xs" color="red" onClick={askPassword.open}>
                  Enter the new password
                </Button>
              </Group>
            )}
          </Group>
        </Alert>
      )}
      {look.color === 'yellow' && inbox.reason_text && (
        <Text size="sm" c="dimmed">
          {inbox.reason_text}
          <br />
          <Text span size="xs" style={{ overflowWrap: 'anywhere' }}>
            {whereAndSince(inbox)}
          </Text>
        </Text>
      )}
      {signIn.error && <Refusal error={signIn.error} />}
      <Missing paths={inbox.progress?.missing_folders ?? []} choose={showSettings.open} />
      <Folders progress={inbox.progress} />
      <InboxSettingsDialog inbox={inbox} opened={settings} onClose={showSettings.close} onClosed={back} />
      <ConnectionLogDialog inbox={inbox} opened={log} onClose={showLog.close} onClosed={back} />
      <LoginDialog inbox={inbox} opened={servers} onClose={showServers.close} onClosed={back} />
      <LoggingAddressDialog inbox={inbox} opened={logging} onClose={showLogging.close} onClosed={back} />
      <PasswordDialog inbox={inbox} opened={newPassword} onClose={askPassword.close} onClosed={back} />
    </Stack>
  );
}

/** Whoever has the link may enter a new password without signing in here. Where the browser lets nothing be copied, it is shown. */
async function copyLink(inboxId: string): Promise<string> {
  const { path, expires_at: until } = await api.reconnectLink(inboxId);
  const link = `${location.origin}${path}`;
  const copied = await navigator.clipboard?.writeText(link).then(
    () => true,
    () => false,
  );
  return `${copied ? 'The link is copied' : link}. By it the owner enters a new password, without signing in here. It is good until ${shortTime(until)}, once.`;
}

async function compare(inboxId: string): Promise<string> {
  await api.resync(inboxId);
  return 'Every folder is compared with the mail server, as soon as the mailbox is connected. Mail that was missed is taken.';
}

interface MenuProps {
  inbox: Inbox;
  target: React.RefObject<HTMLButtonElement | null>;
  back: () => void;
  /** Asks for a new password, or goes to the page of its provider. */
  renew: () => void;
  showLogging: () => void;
  showSettings: () => void;
  showLog: () => void;
  /** The provider decides on them where one signs in at its page. */
  showServers: (() => void) | undefined;
}

function InboxMenu({ inbox, target, back, renew, showLogging, showSettings, showLog, showServers }: MenuProps) {
  const data = useQueryClient();
  const [removing, remove] = useDisclosure();
  const refresh = () => data.invalidateQueries({ queryKey: ['inboxes'] });
  const act = useMutation({
    mutationFn: (what: (id: string) => Promise<unknown>) => what(inbox.inbox_id),
    onSettled: refresh,
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  const told = useMutation({
    mutationFn: (what: (id: string) => Promise<string>) => what(inbox.inbox_id),
    onSuccess: (message) => notifications.show({ message, autoClose: 20_000 }),
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  const paused = inbox.receiving === 'paused';
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon ref={target} variant="subtle" color="gray" aria-label={`More for ${inbox.address}`}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconSettings size={16} />} onClick={showSettings}>
            Settings
          </Menu.Item>
          {showServers && (
            <Menu.Item leftSection={<IconServer size={16} />} onClick={showServers}>
              Servers and user name
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconMailForward size={16} />} onClick={showLogging}>
            Logging address
          </Menu.Item>
          <Menu.Item leftSection={<IconKey size={16} />} onClick={renew}>
            {inbox.oauth_provider ? 'Sign in again' : 'Enter a new password'}
          </Menu.Item>
          <Menu.Item leftSection={<IconHistory size={16} />} onClick={showLog}>
            Connection log
          </Menu.Item>
          <Menu.Item leftSection={<IconLink size={16} />} onClick={() => told.mutate(copyLink)}>
            Copy a link for its owner
          </Menu.Item>
          <Menu.Item leftSection={<IconRefresh size={16} />} onClick={() => told.mutate(compare)}>
            Compare with the mail server
          </Menu.Item>
          <Menu.Item
            leftSection={paused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
            onClick={() => act.mutate(paused ? api.resume : api.pause)}
          >
            {paused ? 'Resume' : 'Pause'}
          </Menu.Item>
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={remove.open}>
            Remove with its data
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ConfirmDialog
        opened={removing}
        onClose={remove.close}
        onClosed={back}
        title={`Remove ${inbox.address}?`}
        verb="Remove"
        act={() => api.removeInbox(inbox.inbox_id).then(refresh)}
      >
        Its password, headers and captured text are deleted at once, and mail waiting to be sent is not sent. What stands on timelines
        stays. Nothing is deleted in the mailbox itself.
      </ConfirmDialog>
    </>
  );
}
