// Stands on every page but that of the mailboxes until each mailbox that needs a new password has it.
import { Alert, Anchor, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useLocation } from 'wouter';
import { api } from './api.js';

const lookEveryMs = 30_000;
/** More are counted. */
const maxNamed = 2;

export function StandingNotice() {
  const [location] = useLocation();
  const inboxes = useQuery({
    queryKey: ['inboxes', 'stopped'],
    queryFn: () => api.inboxes({ state: 'needs_reconnect' }),
    refetchInterval: lookEveryMs,
  });
  const stopped = inboxes.data?.inboxes ?? [];
  const waiting = stopped.map(({ address }) => address);
  const what = stopped.some(({ oauth_provider: page }) => page) ? 'to be connected again' : 'a new password';
  if (waiting.length === 0 || location.startsWith('/inboxes')) return null;
  const named =
    waiting.length <= maxNamed ? waiting.join(' and ') : `${inboxes.data?.next_cursor ? 'More than ' : ''}${waiting.length} mailboxes`;
  return (
    <Alert color="red" icon={<IconAlertTriangle size={18} />} mb="md" py="xs">
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {named} {waiting.length === 1 ? 'needs' : 'need'} {what}; nothing is lost meanwhile.{' '}
        <Anchor component={Link} href="/inboxes" inherit underline="always" c="inherit">
          Mailboxes
        </Anchor>
      </Text>
    </Alert>
  );
}
