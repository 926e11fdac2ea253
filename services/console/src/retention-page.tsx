// What is kept and how old the oldest of it is: the proof, asked for now; by kind, and store by store for who wants to see.
import { Badge, Button, Group, Skeleton, Stack, Table, Text, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronDown, IconChevronRight, IconRefresh } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { api, type Verdict } from './api.js';
import { age, fullTime, several } from './format.js';
import { Trouble } from './trouble.js';

const kinds: Record<string, string> = {
  R1: 'Texts of mail',
  R2: 'Headers',
  R3: 'Timelines and files',
  R4: 'Sequence mail',
  wire: 'Events on their way',
  graph: 'Reference graph (hashes)',
  tombstone: 'Marks of what was deleted',
  keys: 'Keys that texts and headers are sealed with',
};
const order = Object.keys(kinds);

/** A key is made before the first text that it seals, so it would make that look older. */
const kindOf = ({ store, retention_class }: Verdict): string => (store.startsWith('keyring.') ? 'keys' : retention_class);

const bodies = ['sync.raw_body', 'sending.raw_mail'];

const oldestOf = (verdicts: Verdict[]): string | undefined => verdicts.flatMap(({ oldest }) => oldest ?? []).toSorted()[0];

export function RetentionPage() {
  const proof = useQuery({ queryKey: ['proof'], queryFn: api.proof, staleTime: 60_000 });
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2} tabIndex={-1}>
          What is kept
        </Title>
        <Button variant="default" leftSection={<IconRefresh size={16} />} loading={proof.isFetching} onClick={() => void proof.refetch()}>
          Ask again
        </Button>
      </Group>
      {proof.isPending && <Skeleton h={300} aria-label="Asking every store" />}
      {proof.error && <Trouble error={proof.error} again={proof.refetch} />}
      {proof.data && <Answer verdicts={proof.data.verdicts} holds={proof.data.holds} provedAt={proof.data.proved_at} />}
    </Stack>
  );
}

function Answer({ verdicts, holds, provedAt }: { verdicts: Verdict[]; holds: boolean; provedAt: string }) {
  const body = oldestOf(verdicts.filter(({ store }) => bodies.includes(store)));
  const [each, { toggle }] = useDisclosure();
  const groups = Object.entries(Object.groupBy(verdicts, kindOf)).toSorted(([one], [other]) => order.indexOf(one) - order.indexOf(other));
  return (
    <>
      <Group className="panel" p="md" justify="space-between">
        <Stack gap={2} style={{ flex: '1 1 320px' }}>
          <Text fw={600}>
            {body ? `The oldest text of a mail is ${age(ageOf(body))} old` : 'No text of a mail is held outside timelines'}
          </Text>
          <Text size="sm" c="dimmed">
            Texts go within 7 days, headers within 60. Timelines keep a sealed copy until you delete it. Asked {fullTime(provedAt)}.
          </Text>
        </Stack>
        <Badge size="lg" variant="light" color={holds ? 'teal' : 'red'} tt="none" role="status">
          {holds ? 'Every limit holds' : 'A limit does not hold'}
        </Badge>
      </Group>
      <Verdicts
        first="What"
        rows={groups.map(([kind, of = []]) => ({ name: kinds[kind] ?? kind, note: several(of.length, 'store'), verdicts: of }))}
      />
      <Group>
        <Button
          variant="subtle"
          size="xs"
          leftSection={each ? <IconChevronDown size={15} /> : <IconChevronRight size={15} />}
          onClick={toggle}
          aria-expanded={each}
        >
          Store by store
        </Button>
      </Group>
      {each && (
        <Verdicts
          first="Store"
          rows={verdicts.map((verdict) => ({
            name: verdict.store || verdict.owner,
            note: kinds[kindOf(verdict)] ?? verdict.retention_class,
            verdicts: [verdict],
          }))}
        />
      )}
    </>
  );
}

interface Row {
  name: string;
  note: string;
  verdicts: Verdict[];
}

function Verdicts({ first, rows }: { first: string; rows: Row[] }) {
  return (
    <Table.ScrollContainer minWidth={560} className="panel">
      <Table verticalSpacing="xs" horizontalSpacing="md">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{first}</Table.Th>
            <Table.Th>Oldest</Table.Th>
            <Table.Th>Limit</Table.Th>
            <Table.Th>Verdict</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <VerdictRow key={`${row.name} ${row.note}`} {...row} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function VerdictRow({ name, note, verdicts }: Row) {
  const oldest = oldestOf(verdicts);
  const limits = [...new Set(verdicts.map(({ limit_seconds }) => limit_seconds))].toSorted((one, other) => other - one);
  const broken = verdicts.filter(({ holds }) => !holds);
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm">{name}</Text>
        <Text size="xs" c="dimmed">
          {note}
        </Text>
      </Table.Td>
      <Table.Td>{oldest ? age(ageOf(oldest)) : limits.some((limit) => limit > 0) ? 'empty' : '–'}</Table.Td>
      <Table.Td>{limits.map((limit) => (limit > 0 ? age(limit * 1_000) : 'until deleted')).join(' or ')}</Table.Td>
      <Table.Td>
        <Text size="sm" c={broken.length === 0 ? 'teal' : 'red'}>
          {broken.length === 0 ? 'holds' : broken.map(({ store, owner, reason }) => `${store || owner}: ${reason}`).join('; ')}
        </Text>
      </Table.Td>
    </Table.Tr>
  );
}

const ageOf = (iso: string): number => Date.now() - new Date(iso).getTime();
