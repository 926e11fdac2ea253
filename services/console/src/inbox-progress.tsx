// How far the reading of a mailbox is, and what of it cannot be read.
import { Alert, Button, Group, Progress, Stack, Text } from '@mantine/core';
import { IconFolderOff } from '@tabler/icons-react';
import type { Progress as Reading } from './api.js';
import { several } from './format.js';
import { timeLeft } from './time-left.js';

/** How far a first look has come; after it, what is watched. */
export function Folders({ progress }: { progress: Reading | null }) {
  if (!progress || progress.folders.length === 0) return <Told>No folder has been looked at yet</Told>;
  const { state, seen, total, left_seconds: left, folders } = progress;
  const isReading = state === 'syncing';
  const words = isReading ? `${seen.toLocaleString()} of ${several(total, 'mail')}` : several(seen, 'mail');
  const rest = timeLeft(left);
  return (
    <Stack gap={6}>
      {isReading && <Progress value={total === 0 ? 100 : (seen / total) * 100} size="sm" aria-label="Headers read" />}
      <Told>{[`${words} seen by headers alone, in ${several(folders.length, 'folder')}`, rest].filter(Boolean).join('; ')}</Told>
    </Stack>
  );
}

function Told({ children }: { children: string }) {
  return (
    <Text size="xs" c="dimmed" aria-live="polite">
      {children}
    </Text>
  );
}

/** Chosen folders of which nothing is seen. */
export function Missing({ paths, choose }: { paths: string[]; choose: () => void }) {
  if (paths.length === 0) return null;
  const named = paths.map((path) => `“${path}”`).join(', ');
  return (
    <Alert color="yellow" icon={<IconFolderOff size={18} />}>
      <Group justify="space-between">
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {paths.length === 1 ? 'A folder' : 'Folders'} of the settings cannot be found in the mailbox, so nothing in there is seen: {named}
          .
        </Text>
        <Button size="xs" variant="default" onClick={choose}>
          Choose again
        </Button>
      </Group>
    </Alert>
  );
}
