// What a webhook was told and what came of it, newest first; and telling it again.
import { Button, Group, Menu, Skeleton, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconChevronDown } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { several, shortTime } from './format.js';
import { Trouble } from './trouble.js';
import { webhookCalls, type Delivery, type Webhook } from './webhook-calls.js';

const lookEveryMs = 5_000;
const hourMs = 3_600_000;
const reaches = { 'the last hour': hourMs, 'the last day': 24 * hourMs, 'the last 7 days': 7 * 24 * hourMs };

const states: Record<Delivery['state'], { label: string; color?: string }> = {
  waiting: { label: 'waits' },
  taken: { label: 'taken', color: 'teal' },
  given_up: { label: 'given up', color: 'red' },
};

export function Deliveries({ webhook }: { webhook: Webhook }) {
  const { webhook_id: id } = webhook;
  const told = useInfiniteQuery({
    queryKey: ['webhooks', id, 'deliveries'],
    queryFn: ({ pageParam }) => webhookCalls.deliveries(id, pageParam),
    initialPageParam: '',
    getNextPageParam: ({ next_cursor: next }) => next ?? undefined,
    refetchInterval: lookEveryMs,
  });
  const deliveries = told.data?.pages.flatMap((page) => page.deliveries) ?? [];
  return (
    <Stack gap="xs">
      {told.isPending && <Skeleton h={60} aria-label="Loading" />}
      {told.error && <Trouble error={told.error} again={told.refetch} />}
      {told.data && deliveries.length === 0 && (
        <Text size="sm" c="dimmed">
          Nothing has happened yet since it was added.
        </Text>
      )}
      <Stack component="ul" gap={0} m={0} p={0} style={{ listStyle: 'none' }}>
        {deliveries.map((delivery) => (
          <DeliveryLine key={delivery.event_id} webhook={webhook} delivery={delivery} />
        ))}
      </Stack>
      <Group gap="xs">
        {told.hasNextPage && (
          <Button size="xs" variant="default" loading={told.isFetchingNextPage} onClick={() => void told.fetchNextPage()}>
            Older ones
          </Button>
        )}
        {told.data && webhook.state !== 'off' && <ReplayMenu id={id} />}
      </Group>
    </Stack>
  );
}

/** A list and not a table: on a narrow page each line wraps. */
function DeliveryLine({ webhook, delivery }: { webhook: Webhook; delivery: Delivery }) {
  const { event_id: eventId, type, state, status, reason_text: text, tries, made_at: at, next_try_at: next } = delivery;
  const again = useReplay(() => webhookCalls.replayOne(webhook.webhook_id, eventId).then(() => 1));
  const came = [status === null ? text : [status, text].filter(Boolean).join(': '), tries > 1 && `${tries} tries`];
  const { label, color } = states[state];
  return (
    <Group component="li" className="line" py={6} gap="sm" wrap="nowrap" align="flex-start" justify="space-between">
      <Stack gap={0} miw={0}>
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {type} ·{' '}
          <Text span size="sm" c={color}>
            {next && tries > 0 ? `${label} until ${shortTime(next)}` : label}
          </Text>
        </Text>
        <Text size="xs" c="dimmed" title={eventId}>
          {[shortTime(at), ...came].filter(Boolean).join(' · ')}
        </Text>
      </Stack>
      {webhook.state !== 'off' && state !== 'waiting' && (
        <Button size="compact-xs" variant="subtle" loading={again.isPending} onClick={() => again.mutate()} style={{ flex: 'none' }}>
          Again
        </Button>
      )}
    </Group>
  );
}

function ReplayMenu({ id }: { id: string }) {
  const replay = useReplay((ms: number) =>
    webhookCalls.replay(id, new Date(Date.now() - ms).toISOString()).then(({ replayed }) => replayed),
  );
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button size="xs" variant="default" loading={replay.isPending} rightSection={<IconChevronDown size={14} />}>
          Send again what was not taken
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {Object.entries(reaches).map(([label, ms]) => (
          <Menu.Item key={label} onClick={() => replay.mutate(ms)}>
            Of {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** `act` answers how many are told again. */
function useReplay<T = void>(act: (of: T) => Promise<number>) {
  const data = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: (count) => {
      notifications.show({ message: count === 0 ? 'Everything was taken.' : `${several(count, 'event')} will be sent again.` });
      return data.invalidateQueries({ queryKey: ['webhooks'] });
    },
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
}
