// What is kept and how old the oldest of it is: the proof, asked for now.
import { Alert, Badge, Button, Group, Skeleton, Stack, Table, Text, Title } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { api, type Verdict } from './api.js';
import { age, fullTime } from './format.js';

const classes: Record<string, string> = {
  R1: 'Texts of mail',
  R2: 'Headers',
  R3: 'Timelines and files',
  R4: 'Sequence mail',
  wire: 'Events on their way',
  graph: 'Reference graph (hashes)',
  tombstone: 'Marks of what was deleted',
};

const bodies = ['sync.raw_body', 'sending.raw_mail'];

/** The oldest text of a mail that is held outside timelines. */
export function oldestBody(verdicts: Verdict[]): string | undefined {
  return verdicts
    .filter((verdict) => bodies.includes(verdict.store) && verdict.oldest)
    .map((verdict) => verdict.oldest!)
    .toSorted()[0];
}

export function RetentionPage() {
  const proof = useQuery({ queryKey: ['proof'], queryFn: api.proof, staleTime: 60_000 });
  if (proof.isPending) return <Skeleton h={300} aria-label="Asking every store" />;
  if (proof.error) return <Alert color="red">{proof.error.message}</Alert>;
  const { holds, verdicts, proved_at } = proof.data;
  const body = oldestBody(verdicts);
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2}>What is kept</Title>
        <Button variant="default" leftSection={<IconRefresh size={16} />} loading={proof.isFetching} onClick={() => void proof.refetch()}>
          Ask again
        </Button>
      </Group>
      <Group className="panel" p="md" justify="space-between">
        <Stack gap={2}>
          <Text fw={600}>
            {body
              ? `The oldest text of a mail is ${age(Date.now() - new Date(body).getTime())} old`
              : 'No text of a mail is held outside timelines'}
          </Text>
          <Text size="sm" c="dimmed">
            Texts go within 7 days, headers within 60. Timelines keep a sealed copy until you delete it. Asked {fullTime(proved_at)}.
          </Text>
        </Stack>
        <Badge size="lg" variant="light" color={holds ? 'teal' : 'red'} tt="none" role="status">
          {holds ? 'Every limit holds' : 'A limit does not hold'}
        </Badge>
      </Group>
      <Table.ScrollContainer minWidth={620} className="panel">
        <Table verticalSpacing="xs" horizontalSpacing="md">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Store</Table.Th>
              <Table.Th>What</Table.Th>
              <Table.Th>Oldest</Table.Th>
              <Table.Th>Limit</Table.Th>
              <Table.Th>Verdict</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {verdicts.map((verdict) => (
              <Table.Tr key={`${verdict.owner} ${verdict.store}`}>
                <Table.Td>{verdict.store || verdict.owner}</Table.Td>
                <Table.Td>{classes[verdict.retention_class] ?? verdict.retention_class}</Table.Td>
                <Table.Td>{verdict.oldest ? age(Date.now() - new Date(verdict.oldest).getTime()) : 'empty'}</Table.Td>
                <Table.Td>{verdict.limit_seconds > 0 ? age(verdict.limit_seconds * 1_000) : 'until deleted'}</Table.Td>
                <Table.Td>
                  <Text size="sm" c={verdict.holds ? 'teal' : 'red'}>
                    {verdict.holds ? 'holds' : verdict.reason}
                  </Text>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}
