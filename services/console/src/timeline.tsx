// A contact's timeline: conversations, newest first, each mail with its text and attachments.
import { Alert, Avatar, Button, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPencil } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Engagement } from './api.js';
import { ComposeDialog } from './compose-dialog.js';
import { initials, nameOf } from './format.js';
import { MailCard } from './mail-card.js';

interface Thread {
  id: string;
  subject: string;
  mails: Engagement[];
}

/** Mails of one thread together, oldest first within it; the thread with the newest mail comes first. */
export function threadsOf(engagements: Engagement[]): Thread[] {
  const threads = new Map<string, Thread>();
  for (const mail of engagements) {
    const id = mail.thread_id || mail.mail_id;
    const thread = threads.get(id) ?? { id, subject: '', mails: [] };
    thread.mails.unshift(mail);
    thread.subject = thread.mails[0]!.subject;
    threads.set(id, thread);
  }
  return [...threads.values()];
}

export function Timeline({ contactId }: { contactId: string }) {
  const contact = useQuery({ queryKey: ['contact', contactId], queryFn: () => api.contact(contactId) });
  const pages = useInfiniteQuery({
    queryKey: ['timeline', contactId],
    queryFn: ({ pageParam }) => api.timeline(contactId, pageParam),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
  });
  const [writing, compose] = useDisclosure();
  const [answering, setAnswering] = useState<Engagement | undefined>();
  const threads = threadsOf(pages.data?.pages.flatMap((page) => page.engagements) ?? []);
  if (contact.isPending || pages.isPending) return <Skeleton h={320} aria-label="Loading" />;
  if (contact.error ?? pages.error) return <Alert color="red">{(contact.error ?? pages.error)!.message}</Alert>;
  const person = contact.data;
  return (
    <Stack miw={0}>
      <Group className="panel" p="md" justify="space-between">
        <Group gap="md" wrap="nowrap" miw={0}>
          <Avatar radius="xl" size={44} color="initials" name={nameOf(person)}>
            {initials(person)}
          </Avatar>
          <Stack gap={0} miw={0}>
            <Title order={2}>{nameOf(person)}</Title>
            <Text size="sm" c="dimmed">
              {person.address}
            </Text>
          </Stack>
        </Group>
        <Button variant="default" leftSection={<IconPencil size={16} />} onClick={compose.open}>
          Write to {nameOf(person).split(' ')[0]}
        </Button>
      </Group>
      {threads.length === 0 && (
        <Text className="panel" p="xl" c="dimmed" ta="center">
          Nothing has been said yet. Write the first mail; the answer will appear here.
        </Text>
      )}
      {threads.map((thread) => (
        <Stack key={thread.id} className="panel" p="md" gap="md" component="section" aria-label={thread.subject || 'No subject'}>
          <Title order={3}>{thread.subject || 'No subject'}</Title>
          {thread.mails.map((mail) => (
            <MailCard key={mail.engagement_id} mail={mail} onAnswer={() => setAnswering(mail)} />
          ))}
        </Stack>
      ))}
      {pages.hasNextPage && (
        <Button variant="subtle" onClick={() => void pages.fetchNextPage()} loading={pages.isFetchingNextPage}>
          Earlier mail
        </Button>
      )}
      <ComposeDialog opened={writing} onClose={compose.close} to={person.address} />
      <ComposeDialog
        key={answering?.engagement_id ?? 'none'}
        opened={answering !== undefined}
        onClose={() => setAnswering(undefined)}
        to={person.address}
        answers={answering}
      />
    </Stack>
  );
}
