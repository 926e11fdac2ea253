// The mailboxes of the house, a page at a time, and how one among thousands is found.
import { Button, Group, Select, Skeleton, Stack, Text, TextInput, Title } from '@mantine/core';
import { useDebouncedValue, useDisclosure } from '@mantine/hooks';
import { IconInbox, IconPlus, IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { api, type Inbox, type InboxFilter, type Session } from './api.js';
import { ConnectDialog } from './connect-dialog.js';
import { DemoButton } from './demo-button.js';
import { InboxCard } from './inbox-card.js';
import { Quarantine } from './quarantine.js';
import { Trouble } from './trouble.js';

const lookEveryMs = 3_000;
const onOnePage = 25;
/** So many are seen at a glance. */
const few = 5;

export function InboxesPage({ demo }: { demo: Session['demo'] }) {
  const [filter, setFilter] = useState<InboxFilter>({ query: '', state: '' });
  const [asked] = useDebouncedValue(filter, 200);
  /** Where this page begins, after those before it. */
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1) ?? '';
  const page = useQuery({
    queryKey: ['inboxes', 'page', asked, cursor],
    queryFn: () => api.inboxes({ ...asked, cursor, limit: onOnePage }),
    refetchInterval: lookEveryMs,
    placeholderData: (before) => before,
  });
  const [connecting, connect] = useDisclosure();
  const list = page.data?.inboxes ?? [];
  const next = page.data?.next_cursor ?? '';
  // What is typed may leave few of many.
  const isMany = useRef(false);
  isMany.current ||= next !== '' || list.length > few;
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2} tabIndex={-1}>
          Mailboxes
        </Title>
        <Button leftSection={<IconPlus size={16} />} onClick={connect.open}>
          Connect a mailbox
        </Button>
      </Group>
      {isMany.current && (
        <Filter
          filter={filter}
          onChange={(changed) => {
            setFilter({ ...filter, ...changed });
            setCursors([]);
          }}
        />
      )}
      {page.isPending && <Skeleton h={92} aria-label="Loading" />}
      {page.error && <Trouble error={page.error} again={page.refetch} />}
      {page.data && list.length === 0 && <None demo={demo} isMany={isMany.current} />}
      {list.map((inbox: Inbox) => (
        <InboxCard key={inbox.inbox_id} inbox={inbox} />
      ))}
      {(cursor !== '' || next !== '') && (
        <Group justify="center" component="nav" aria-label="Pages of mailboxes">
          <Button variant="default" size="xs" disabled={cursor === ''} onClick={() => setCursors(cursors.slice(0, -1))}>
            Previous
          </Button>
          <Text size="sm" c="dimmed" role="status">
            Page {cursors.length + 1}
          </Text>
          <Button variant="default" size="xs" disabled={next === ''} onClick={() => setCursors([...cursors, next])}>
            Next
          </Button>
        </Group>
      )}
      <Quarantine />
      <ConnectDialog opened={connecting} onClose={connect.close} />
    </Stack>
  );
}

const states = [
  { value: '', label: 'All' },
  { value: 'working', label: 'Working' },
  { value: 'needs_reconnect', label: 'To be connected again' },
  { value: 'paused', label: 'Paused' },
] satisfies { value: InboxFilter['state']; label: string }[];

function Filter({ filter, onChange }: { filter: InboxFilter; onChange: (changed: Partial<InboxFilter>) => void }) {
  return (
    <Group gap="xs" role="search">
      <TextInput
        aria-label="Find a mailbox"
        placeholder="Part of an address or name"
        leftSection={<IconSearch size={16} />}
        style={{ flex: '1 1 200px' }}
        maxLength={200}
        value={filter.query}
        onChange={(event) => onChange({ query: event.currentTarget.value })}
      />
      <Select
        aria-label="State"
        allowDeselect={false}
        w={210}
        data={states}
        value={filter.state}
        onChange={(state) => onChange({ state: state as InboxFilter['state'] })}
      />
    </Group>
  );
}

/** None here, though there may be others. */
function None({ demo, isMany }: { demo: Session['demo']; isMany: boolean }) {
  if (!isMany) return <NoInbox demo={demo} />;
  return (
    <Text size="sm" c="dimmed" role="status">
      No mailbox is like that.
    </Text>
  );
}

function NoInbox({ demo }: { demo: Session['demo'] }) {
  return (
    <Stack className="panel" p="xl" align="center" gap="xs">
      <IconInbox size={32} stroke={1.4} color="var(--mantine-color-dimmed)" />
      <Text fw={600}>No mailbox is connected yet</Text>
      <Text c="dimmed" size="sm" ta="center" maw={460}>
        Connect yours with an address and a password. Mail that has nothing to do with your contacts is never read: only its headers are
        looked at, and of a notice that a mail could not be delivered, which mail that was.
      </Text>
      <DemoButton demo={demo} />
    </Stack>
  );
}
