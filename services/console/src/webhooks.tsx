// Who outside is told of events: each address with how it fares, and what can be done about it.
import { ActionIcon, Alert, Badge, Button, Group, Menu, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import {
  IconAlertTriangle,
  IconChevronDown,
  IconChevronRight,
  IconDots,
  IconKey,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlus,
  IconTrash,
} from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ConfirmDialog } from './confirm-dialog.js';
import { useFocusBack } from './focus.js';
import { several, shortTime } from './format.js';
import { Trouble } from './trouble.js';
import { webhookCalls, type Tested, type Webhook } from './webhook-calls.js';
import { Deliveries } from './webhook-deliveries.js';
import { NewSecretDialog, WebhookDialog } from './webhook-dialog.js';

const webhooksKey = ['webhooks'];
const lookEveryMs = 5_000;
/** What the server counts at most. */
const maxCounted = 1_000;

export function Webhooks() {
  const asked = useQuery({ queryKey: webhooksKey, queryFn: webhookCalls.list, refetchInterval: lookEveryMs });
  const [adding, add] = useDisclosure();
  const kinds = asked.data?.event_kinds ?? [];
  return (
    <Stack component="section" aria-label="Webhooks" mt="md">
      <Group justify="space-between">
        <Title order={3}>Webhooks</Title>
        <Button variant="default" leftSection={<IconPlus size={16} />} onClick={add.open} disabled={!asked.data}>
          Add a webhook
        </Button>
      </Group>
      <Text size="sm" c="dimmed">
        A program of yours is told of events at an address of its own, signed, and again until it has taken them: that a mailbox needs a new
        password, for one. It is told ids and states, and nothing personal.
      </Text>
      {asked.isPending && <Skeleton h={92} aria-label="Loading" />}
      {asked.error && <Trouble error={asked.error} again={asked.refetch} />}
      {asked.data?.webhooks.map((webhook) => (
        <WebhookCard key={webhook.webhook_id} webhook={webhook} kinds={kinds} />
      ))}
      <WebhookDialog kinds={kinds} opened={adding} onClose={add.close} />
    </Stack>
  );
}

function lookOf({ state, reason }: Webhook): { color: string; label: string } {
  if (state === 'off') return { color: 'red', label: 'Switched off' };
  if (state === 'paused') return { color: 'gray', label: 'Paused' };
  return reason ? { color: 'yellow', label: 'Not taken' } : { color: 'teal', label: 'On' };
}

function WebhookCard({ webhook, kinds }: { webhook: Webhook; kinds: string[] }) {
  const act = useAct(webhook);
  const [shown, { toggle }] = useDisclosure();
  const look = lookOf(webhook);
  const test = useMutation({
    mutationFn: () => webhookCalls.test(webhook.webhook_id),
    onSuccess: (tested) => notifications.show({ color: tested.taken ? 'teal' : 'red', message: resultOf(tested) }),
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  return (
    <Stack className="panel" p="md" gap="sm" component="article" aria-label={webhook.url}>
      <Group justify="space-between" align="flex-start">
        <Stack gap={2} style={{ flex: '1 1 200px' }} miw={0}>
          <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
            {webhook.url}
          </Text>
          <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {[webhook.events.length === 0 ? 'All events' : webhook.events.join(', '), waitingOf(webhook)].filter(Boolean).join(' · ')}
          </Text>
        </Stack>
        <Group gap="xs" wrap="nowrap" style={{ flex: 'none' }}>
          <Badge color={look.color} variant="light" size="lg" tt="none" role="status">
            {look.label}
          </Badge>
          <WebhookMenu webhook={webhook} kinds={kinds} act={act.mutate} />
        </Group>
      </Group>
      {webhook.state === 'off' && (
        <Alert color="red" icon={<IconAlertTriangle size={18} />}>
          <Group justify="space-between">
            <Text size="sm">{webhook.reason_text}</Text>
            <Button size="xs" color="red" loading={act.isPending} onClick={() => act.mutate('on')}>
              Switch it on
            </Button>
          </Group>
        </Alert>
      )}
      {webhook.state === 'on' && webhook.reason && (
        <Text size="sm">
          {[webhook.reason_text, since(webhook), webhook.next_try_at && `It is tried again at ${shortTime(webhook.next_try_at)}.`]
            .filter(Boolean)
            .join(' ')}
        </Text>
      )}
      {webhook.left_out_since && webhook.state !== 'off' && <LeftOut webhook={webhook} since={webhook.left_out_since} />}
      <Group gap="xs">
        <Button size="xs" variant="default" loading={test.isPending} onClick={() => test.mutate()}>
          Send a test
        </Button>
        <Button
          size="xs"
          variant="subtle"
          leftSection={shown ? <IconChevronDown size={15} /> : <IconChevronRight size={15} />}
          onClick={toggle}
          aria-expanded={shown}
        >
          What it was told
        </Button>
      </Group>
      {shown && <Deliveries webhook={webhook} />}
    </Stack>
  );
}

const since = ({ failing_since: at }: Webhook) => at && `Nothing was taken since ${shortTime(at)}.`;

function waitingOf({ waiting }: Webhook): string {
  if (waiting === 0) return '';
  return waiting < maxCounted ? `${several(waiting, 'event')} waiting` : `${maxCounted.toLocaleString()} events or more waiting`;
}

function resultOf({ taken, status, reason_text: text, took_ms: ms }: Tested): string {
  if (taken) return `The receiver took the test: ${status}, after ${ms} ms.`;
  return status === null ? text : `${text} It answered ${status}, after ${ms} ms.`;
}

/** Pauses it or lets it go on. */
function useAct({ webhook_id: id }: Webhook) {
  const data = useQueryClient();
  return useMutation({
    mutationFn: (state: 'on' | 'paused') => webhookCalls.change(id, { state }),
    onSettled: () => data.invalidateQueries({ queryKey: webhooksKey }),
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
}

function LeftOut({ webhook, since }: { webhook: Webhook; since: string }) {
  const data = useQueryClient();
  const replay = useMutation({
    mutationFn: () => webhookCalls.replay(webhook.webhook_id, since),
    onSuccess: () => data.invalidateQueries({ queryKey: webhooksKey }),
  });
  return (
    <Alert color="yellow" icon={<IconAlertTriangle size={18} />}>
      <Group justify="space-between">
        <Text size="sm">
          {replay.error?.message ?? `Since ${shortTime(since)} events were left out, as 100,000 were waiting. They are kept for 7 days.`}
        </Text>
        <Button size="xs" variant="default" loading={replay.isPending} onClick={() => replay.mutate()}>
          Send them now
        </Button>
      </Group>
    </Alert>
  );
}

function WebhookMenu({ webhook, kinds, act }: { webhook: Webhook; kinds: string[]; act: (state: 'on' | 'paused') => void }) {
  const data = useQueryClient();
  const { target, back } = useFocusBack();
  const [changing, change] = useDisclosure();
  const [renewing, renew] = useDisclosure();
  const [removing, remove] = useDisclosure();
  const runs = webhook.state === 'on';
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon ref={target} variant="subtle" color="gray" aria-label={`More for ${webhook.url}`}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} />} onClick={change.open}>
            Change
          </Menu.Item>
          <Menu.Item leftSection={<IconKey size={16} />} onClick={renew.open}>
            New secret
          </Menu.Item>
          <Menu.Item
            leftSection={runs ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />}
            onClick={() => act(runs ? 'paused' : 'on')}
          >
            {runs ? 'Pause' : 'Switch on'}
          </Menu.Item>
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={remove.open}>
            Remove
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <WebhookDialog webhook={webhook} kinds={kinds} opened={changing} onClose={change.close} onClosed={back} />
      <NewSecretDialog webhook={webhook} opened={renewing} onClose={renew.close} onClosed={back} />
      <ConfirmDialog
        opened={removing}
        onClose={remove.close}
        onClosed={back}
        title="Remove this webhook?"
        verb="Remove"
        act={() => webhookCalls.remove(webhook.webhook_id).then(() => data.invalidateQueries({ queryKey: webhooksKey }))}
      >
        {`${webhook.url} is told nothing more, and its secret is deleted.`}
      </ConfirmDialog>
    </>
  );
}
