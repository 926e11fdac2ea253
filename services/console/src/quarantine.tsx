// Mail that came to logging addresses and was not logged: why, and what to do with each.
import { Button, Group, Stack, Text, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, type HeldMail } from './api.js';
import { shortTime } from './format.js';

const lookEveryMs = 15_000;
/** In these nothing says whose they are, so they cannot be logged. */
const nobodys = ['no_sender_found', 'no_contact'];

/** Nothing at all where nothing is held back. */
export function Quarantine() {
  const held = useQuery({ queryKey: ['quarantine'], queryFn: api.quarantine, refetchInterval: lookEveryMs });
  const mails = held.data?.mails ?? [];
  if (mails.length === 0) return null;
  return (
    <Stack component="section" aria-label="Held back">
      <Title order={3}>Held back</Title>
      <Text size="sm" c="dimmed">
        This mail came to a logging address and was not logged. It is deleted by itself within 7 days.
      </Text>
      {mails.map((mail) => (
        <Held key={mail.quarantine_id} mail={mail} />
      ))}
    </Stack>
  );
}

function Held({ mail }: { mail: HeldMail }) {
  const data = useQueryClient();
  const act = useMutation({
    mutationFn: (what: (id: string) => Promise<unknown>) => what(mail.quarantine_id),
    onSettled: () => data.invalidateQueries({ queryKey: ['quarantine'] }),
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  return (
    <Group className="panel" p="md" justify="space-between" component="article" aria-label={mail.subject || 'No subject'}>
      <Stack gap={2} style={{ flex: '1 1 320px' }} miw={0}>
        <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
          {mail.subject || 'No subject'}
        </Text>
        <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          says it is from {mail.from || 'nobody'} · {shortTime(mail.received_at)}
        </Text>
        <Text size="sm">{mail.reason_text}</Text>
      </Stack>
      <Group gap="xs">
        {!nobodys.includes(mail.reason) && (
          <Button size="xs" variant="default" loading={act.isPending} onClick={() => act.mutate(api.releaseHeld)}>
            Log it
          </Button>
        )}
        <Button size="xs" variant="default" color="red" loading={act.isPending} onClick={() => act.mutate(api.discardHeld)}>
          Delete
        </Button>
      </Group>
    </Group>
  );
}
