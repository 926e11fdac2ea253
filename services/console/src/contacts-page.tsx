// Contacts on the left, the timeline of one on the right; where there is little room, one or the other.
import { Avatar, Button, Group, Skeleton, Stack, Text, TextInput, Title, UnstyledButton } from '@mantine/core';
import { useDebouncedValue, useDisclosure } from '@mantine/hooks';
import { IconPencil, IconPlus, IconSearch } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { Link } from 'wouter';
import { api, type Contact, type Session } from './api.js';
import { ConnectDialog } from './connect-dialog.js';
import { DemoButton } from './demo-button.js';
import { initials, nameOf, several, shortTime } from './format.js';
import { Timeline, TimelineLoading } from './timeline.js';
import { Trouble } from './trouble.js';

interface Props {
  contactId: string | undefined;
  demo: Session['demo'];
  onWrite: () => void;
}

export function ContactsPage({ contactId, demo, onWrite }: Props) {
  const [query, setQuery] = useState('');
  const [asked] = useDebouncedValue(query, 200);
  const pages = useInfiniteQuery({
    queryKey: ['contacts', asked],
    queryFn: ({ pageParam }) => api.contacts(asked, pageParam),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
    placeholderData: (before) => before,
  });
  const list = pages.data?.pages.flatMap((page) => page.contacts) ?? [];
  // Whoever is being read stays, though a mail of somebody else puts that one first.
  const first = useRef<string>(undefined);
  first.current ??= list[0]?.contact_id;
  if (pages.data && list.length === 0 && asked === '' && !contactId) return <Welcome demo={demo} onWrite={onWrite} />;
  const shown = contactId ?? first.current;
  return (
    <div className="split" data-chosen={contactId ? true : undefined}>
      <Stack gap="xs" className="panel list" p="sm" component="aside" aria-label="Contacts">
        <TextInput
          aria-label="Find a contact"
          placeholder="Find a contact"
          leftSection={<IconSearch size={16} />}
          value={query}
          onChange={(event) => setQuery(event.currentTarget.value)}
        />
        {pages.isPending && [1, 2, 3].map((row) => <Skeleton key={row} h={57} />)}
        {pages.error && <Trouble error={pages.error} again={pages.refetch} />}
        <nav aria-label="Contacts">
          {list.map((contact) => (
            <ContactRow key={contact.contact_id} contact={contact} active={contact.contact_id === shown} />
          ))}
        </nav>
        {pages.data && list.length === 0 && asked !== '' && (
          <Text size="sm" c="dimmed" p="xs">
            Nobody is called that.
          </Text>
        )}
        {pages.hasNextPage && (
          <Button variant="subtle" size="xs" onClick={() => void pages.fetchNextPage()} loading={pages.isFetchingNextPage}>
            More contacts
          </Button>
        )}
      </Stack>
      <div className="timeline">
        {pages.isPending && !shown && <TimelineLoading />}
        {shown && <Timeline key={shown} contactId={shown} />}
      </div>
    </div>
  );
}

function ContactRow({ contact, active }: { contact: Contact; active: boolean }) {
  return (
    <UnstyledButton
      component={Link}
      href={`/contacts/${contact.contact_id}`}
      className="row"
      data-active={active || undefined}
      aria-current={active ? 'page' : undefined}
    >
      <Group gap="sm" wrap="nowrap">
        <Avatar radius="xl" size={34} color="initials" name={nameOf(contact)}>
          {initials(contact)}
        </Avatar>
        <Stack gap={0} miw={0} style={{ flex: 1 }}>
          <Text size="sm" fw={550} truncate>
            {nameOf(contact)}
          </Text>
          <Group justify="space-between" wrap="nowrap" gap="xs">
            <Text size="xs" c="dimmed" truncate>
              {contact.name ? contact.address : several(contact.engagements, 'mail')}
            </Text>
            {contact.last_activity_at && (
              <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
                {shortTime(contact.last_activity_at)}
              </Text>
            )}
          </Group>
        </Stack>
      </Group>
    </UnstyledButton>
  );
}

/** Of a house in which nothing has been said yet: the next step there is. */
function Welcome({ demo, onWrite }: { demo: Session['demo']; onWrite: () => void }) {
  const inboxes = useQuery({ queryKey: ['inboxes', 'any'], queryFn: () => api.inboxes({ limit: 1 }) });
  const [connecting, connect] = useDisclosure();
  const connected = (inboxes.data?.inboxes ?? []).length > 0;
  return (
    <Stack className="panel" p={{ base: 'xl', sm: 48 }} align="center" gap="sm" ta="center">
      <img src="/icon.svg" width={52} height={52} alt="" />
      <Title order={2} tabIndex={-1}>
        Replies come back here by themselves
      </Title>
      <Text c="dimmed" maw={520}>
        {connected
          ? 'Your mailbox is connected. Write to somebody: their answer appears on their timeline, with its attachments.'
          : 'Connect a mailbox, write to somebody, and their answer appears on their timeline with its attachments. Everything else in the mailbox stays unread.'}
      </Text>
      <Group mt="sm" justify="center" mih={36}>
        {inboxes.data && connected && (
          <Button leftSection={<IconPencil size={16} />} onClick={onWrite}>
            Write the first mail
          </Button>
        )}
        {inboxes.data && !connected && (
          <Button leftSection={<IconPlus size={16} />} onClick={connect.open}>
            Connect a mailbox
          </Button>
        )}
        {inboxes.data && !connected && <DemoButton demo={demo} />}
      </Group>
      <ConnectDialog opened={connecting} onClose={connect.close} />
    </Stack>
  );
}
