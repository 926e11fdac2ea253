// A file as it stands below a mail, or beside one that is being written: its name as far as there is room, and a word about it.
import { Group, Text } from '@mantine/core';

export function FileName({ name, note }: { name: string; note: string }) {
  return (
    <Group gap={6} wrap="nowrap" miw={0}>
      <Text span size="xs" fw={550} truncate title={name}>
        {name || 'unnamed'}
      </Text>
      <Text span size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
        {note}
      </Text>
    </Group>
  );
}
