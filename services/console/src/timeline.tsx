// A contact's timeline: conversations, newest first, each mail with its text and attachments.
import { Anchor, Avatar, Button, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconArrowBackUp, IconArrowLeft, IconPencil } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, Redirect } from 'wouter';
import { api, type Engagement } from './api.js';
import { ComposeDialog } from './compose-dialog.js';
import { ContactAddresses } from './contact-addresses.js';
import { initials, nameOf, several } from './format.js';
import { ExplainDialog } from './explain-dialog.js';
import { deliveriesOf } from './deliveries.js';
import { LeftAnswers, useLeftAnswers } from './left-answers.js';
import { MailCard } from './mail-card.js';
import { Trouble } from './trouble.js';

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
    thread.subject = thread.mails[0]!.subject.replace(/^(re:\s*)+/i, '');
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
  const [answered, setAnswered] = useState<Engagement | undefined>();
  const [answering, answer] = useDisclosure();
  const explaining = useExplaining();
  const threads = threadsOf(pages.data?.pages.flatMap((page) => page.engagements) ?? []);
  const leftOf = useLeftAnswers(threads.map(({ id }) => id));
  if (contact.isPending || pages.isPending) return <TimelineLoading />;
  // What is on the page stays there while a later question is refused.
  if (!contact.data || !pages.data) {
    return <Trouble error={(contact.error ?? pages.error)!} again={() => Promise.all([contact.refetch(), pages.refetch()])} />;
  }
  const person = contact.data;
  // It went into another.
  if (person.contact_id !== contactId) return <Redirect to={`/contacts/${person.contact_id}`} replace />;
  return (
    <Stack miw={0}>
      <Anchor component={Link} href="/contacts" size="sm" className="back">
        <IconArrowLeft size={16} />
        &ensp;All contacts
      </Anchor>
      <Group className="panel" p="md" justify="space-between">
        <Group gap="md" wrap="nowrap" align="flex-start" miw={0}>
          <Avatar radius="xl" size={44} color="initials" name={nameOf(person)}>
            {initials(person)}
          </Avatar>
          <Stack gap={0} miw={0}>
            <Title order={2} tabIndex={-1} style={{ overflowWrap: 'anywhere' }}>
              {nameOf(person)}
            </Title>
            <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {person.name ? person.address : several(person.engagements, 'mail')}
            </Text>
            <ContactAddresses contact={person} />
          </Stack>
        </Group>
        <Button variant="default" leftSection={<IconPencil size={16} />} onClick={compose.open}>
          {person.name ? `Write to ${person.name.split(' ')[0]}` : 'Write a mail'}
        </Button>
      </Group>
      {threads.length === 0 && (
        <Text className="panel" p="xl" c="dimmed" ta="center">
          Nothing has been said yet. Write the first mail; the answer will appear here.
        </Text>
      )}
      {threads.map((thread) => (
        <Stack key={thread.id} className="panel" p="md" gap="md" component="section" aria-label={thread.subject || 'No subject'}>
          <Title order={3} style={{ overflowWrap: 'anywhere' }}>
            {thread.subject || 'No subject'}
          </Title>
          {thread.mails.map((mail) => (
            <MailCard key={mail.engagement_id} mail={mail} deliveries={deliveriesOf(mail, thread.mails)} onExplain={explaining.open} />
          ))}
          <LeftAnswers of={leftOf(thread.id)} />
          <AnswerButton
            thread={thread}
            onAnswer={(mail) => {
              setAnswered(mail);
              answer.open();
            }}
          />
        </Stack>
      ))}
      {pages.hasNextPage && (
        <Button variant="subtle" onClick={() => void pages.fetchNextPage()} loading={pages.isFetchingNextPage}>
          Earlier mail
        </Button>
      )}
      <ExplainDialog {...explaining.dialog} />
      <ComposeDialog opened={writing} onClose={compose.close} to={person.address} />
      <ComposeDialog
        key={answered?.engagement_id}
        opened={answering}
        onClose={answer.close}
        to={person.address}
        {...(answered ? { answers: answered } : {})}
      />
    </Stack>
  );
}

/** The dialog outlives the mail that it was asked about, which may go off the timeline. */
function useExplaining() {
  const [asked, setAsked] = useState<{ mailId: string; from: HTMLElement | null }>();
  const [opened, { open, close }] = useDisclosure();
  const heading = () => document.querySelector<HTMLElement>('main h2');
  return {
    open: (mail: Engagement, from: HTMLElement | null) => {
      setAsked({ mailId: mail.mail_id, from });
      open();
    },
    dialog: { mailId: asked?.mailId, opened, onClose: close, onClosed: () => (asked?.from?.isConnected ? asked.from : heading())?.focus() },
  };
}

/** Below a conversation: answers what the contact wrote last. */
function AnswerButton({ thread, onAnswer }: { thread: Thread; onAnswer: (mail: Engagement) => void }) {
  const last = thread.mails.findLast(({ direction, kind }) => direction === 'in' && kind !== 'delivery_report' && kind !== 'complaint');
  if (!last) return null;
  return (
    <Group pl={42}>
      <Button variant="light" size="xs" leftSection={<IconArrowBackUp size={15} />} onClick={() => onAnswer(last)}>
        Answer
      </Button>
    </Group>
  );
}

export function TimelineLoading() {
  return (
    <Stack aria-label="Loading" aria-busy>
      <Skeleton h={78} />
      <Skeleton h={240} />
    </Stack>
  );
}
