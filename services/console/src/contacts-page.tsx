// Contacts on the left, the timeline of one on the right.
import { Alert, Avatar, Button, Group, Skeleton, Stack, Text, TextInput, Title, UnstyledButton } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { api, type Contact } from './api.js';
import { DemoButton } from './demo-button.js';
import { initials, nameOf, shortTime } from './format.js';
import { Timeline } from './timeline.js';

export function ContactsPage({ contactId, demo }: { contactId: string | undefined; demo: { available: boolean; state: string } }) {
  const [query, setQuery] = useState('');
  const [asked] = useDebouncedValue(query, 200);
  const contacts = useQuery({ queryKey: ['contacts', asked], queryFn: () => api.contacts(asked), placeholderData: (before) => before });
  const list = contacts.data?.contacts ?? [];
  if (contacts.data && list.length === 0 && asked === '' && !contactId) return <Welcome demo={demo} />;
  const shown = contactId ?? list[0]?.contact_id;
  return (
    <div className="split">
      <Stack gap="xs" className="panel" p="sm" component="aside" aria-label="Contacts">
        <TextInput
          aria-label="Find a contact"
          placeholder="Find a contact"
          leftSection={<IconSearch size={16} />}
          value={query}
          onChange={(event) => setQuery(event.currentTarget.value)}
        />
        {contacts.isPending && <Skeleton h={56} />}
        {contacts.error && <Alert color="red">{contacts.error.message}</Alert>}
        <nav aria-label="Contacts">
          {list.map((contact) => (
            <ContactRow key={contact.contact_id} contact={contact} active={contact.contact_id === shown} />
          ))}
        </nav>
        {contacts.data && list.length === 0 && (
          <Text size="sm" c="dimmed" p="xs">
            Nobody is called that.
          </Text>
        )}
      </Stack>
      {shown && <Timeline key={shown} contactId={shown} />}
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
          <Group justify="space-between" wrap="nowrap" gap="xs">
            <Text size="sm" fw={550} truncate>
              {nameOf(contact)}
            </Text>
            {contact.last_activity_at && (
              <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
                {shortTime(contact.last_activity_at)}
              </Text>
            )}
          </Group>
          <Text size="xs" c="dimmed" truncate>
            {contact.address}
          </Text>
        </Stack>
      </Group>
    </UnstyledButton>
  );
}

function Welcome({ demo }: { demo: { available: boolean; state: string } }) {
  return (
    <Stack className="panel" p={48} align="center" gap="sm" ta="center">
      <img src="/icon.svg" width={52} height={52} alt="" />
      <Title order={2}>Replies come back here by themselves</Title>
      <Text c="dimmed" maw={520}>
        Connect a mailbox, write to somebody, and their answer appears on their timeline with its attachments. Everything else in the
        mailbox stays unread.
      </Text>
      <Group mt="sm">
        <Button component={Link} href="/inboxes">
          Connect a mailbox
        </Button>
        <DemoButton available={demo.available} running={demo.state === 'running'} />
      </Group>
    </Stack>
  );
}
