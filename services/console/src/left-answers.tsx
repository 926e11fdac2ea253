// Answers that are not logged since they went to other people: that there are some, and a button for one that belongs here all the same.
import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from './api.js';
import { explanations, type LeftAnswer } from './explanation-calls.js';
import { shortTime } from './format.js';

/** So many conversations of a page are asked about, the newest. */
const maxThreads = 50;

/** By the conversation that they left. */
export function useLeftAnswers(threadIds: readonly string[]): (threadId: string) => LeftAnswer[] {
  const asked = threadIds.slice(0, maxThreads);
  const { data } = useQuery({
    queryKey: ['left', ...asked],
    queryFn: () => explanations.leftAnswers(asked),
    enabled: asked.length > 0,
    retry: false,
  });
  return (threadId) => data?.answers.filter((one) => one.left_thread_id === threadId) ?? [];
}

export function LeftAnswers({ of }: { of: readonly LeftAnswer[] }) {
  const inboxes = useQuery({ queryKey: ['inboxes', 'names'], queryFn: () => api.inboxes({ limit: 200 }), enabled: of.length > 0 });
  const addressOf = (id: string) => inboxes.data?.inboxes.find(({ inbox_id: one }) => one === id)?.address;
  if (of.length === 0) return null;
  return (
    <Stack gap="xs">
      {of.map((one) => (
        <Left key={one.mail_id} answer={one} mailboxes={one.inbox_ids.flatMap((id) => addressOf(id) ?? [])} />
      ))}
    </Stack>
  );
}

function Left({ answer, mailboxes }: { answer: LeftAnswer; mailboxes: string[] }) {
  const data = useQueryClient();
  const merge = useMutation({
    mutationFn: () => explanations.merge(answer.thread_id, answer.mail_id, answer.answers_mail_id),
    onSuccess: () => data.invalidateQueries({ queryKey: ['left'] }),
  });
  return (
    <Alert color="gray" variant="light" py="xs">
      <Group justify="space-between" gap="xs">
        <Text size="sm" flex={1} miw={180} style={{ overflowWrap: 'anywhere' }}>
          A mail of {shortTime(answer.received_at)}
          {mailboxes.length > 0 && ` in ${mailboxes.join(', ')}`} is not logged and was not kept. {answer.rule_text}
        </Text>
        <Button size="xs" variant="default" loading={merge.isPending} onClick={() => merge.mutate()}>
          It belongs here
        </Button>
      </Group>
      {merge.error && (
        <Text size="sm" c="red" role="alert">
          {merge.error.message}
        </Text>
      )}
    </Alert>
  );
}
