// Back from a provider's page: the mailbox is connected once both its servers let it in, or it is said why not.
import { Button, Group, Loader, Stack, Text, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { api } from './api.js';
import { Refusal } from './refusal.js';

export function SignedInPage() {
  const data = useQueryClient();
  const [, go] = useLocation();
  const [callback] = useState(location.href);
  // A query and no mutation: it is asked once however often the page is drawn.
  const { data: inbox, error } = useQuery({
    queryKey: ['signed-in', callback],
    queryFn: () => api.finishSignIn(callback),
    retry: false,
    staleTime: Infinity,
  });
  // The code is used up, and nobody is to find it in the history.
  useEffect(() => history.replaceState(null, '', location.pathname), []);
  useEffect(() => {
    if (!inbox) return;
    notifications.show({ message: `${inbox.address} is connected.` });
    void data.invalidateQueries({ queryKey: ['inboxes'] });
    go('/inboxes', { replace: true });
  }, [inbox, data, go]);
  return (
    <Stack maw={560}>
      <Title order={2} tabIndex={-1}>
        {error ? 'The mailbox is not connected' : 'Connecting the mailbox'}
      </Title>
      {error ? (
        <Refusal error={error} />
      ) : (
        <Group role="status">
          <Loader size="sm" aria-hidden />
          <Text>Signing in to both servers; this may take half a minute.</Text>
        </Group>
      )}
      {error && (
        <Group>
          <Button component={Link} href="/inboxes">
            Back to the mailboxes
          </Button>
        </Group>
      )}
    </Stack>
  );
}
