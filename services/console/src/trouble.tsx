// What could not be loaded, why, and a button to try again.
import { Alert, Button, Group, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';

export function Trouble({ error, again }: { error: Error; again: () => unknown }) {
  return (
    <Alert color="red" icon={<IconAlertTriangle size={18} />}>
      <Group justify="space-between">
        <Text size="sm">{error.message}</Text>
        <Button size="xs" variant="default" onClick={() => void again()}>
          Try again
        </Button>
      </Group>
    </Alert>
  );
}
