// Offers to delete what is logged of people who were just put on the never-log list, and shows how far that is.
import { Alert, Button, Progress, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from './api.js';
import { ConfirmDialog } from './confirm-dialog.js';
import { useFocusBack } from './focus.js';
import { several } from './format.js';

const queryKey = ['never-log-deletion'];
const lookEveryMs = 1_000;

/** `entries` are on the list since a moment ago. */
export function NeverLogDeletion({ entries }: { entries: string[] }) {
  const data = useQueryClient();
  const trial = useQuery({ queryKey: ['never-log-trial', entries], queryFn: () => api.tryNeverLog(entries), enabled: entries.length > 0 });
  const deletion = useQuery({
    queryKey,
    queryFn: api.neverLogDeletion,
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? lookEveryMs : false),
  });
  const [asked, setAsked] = useState<string[]>([]);
  const [confirming, confirm] = useDisclosure(false);
  const { target, back } = useFocusBack();
  const logged = trial.data?.entries.reduce((sum, { tracked }) => sum + tracked, 0) ?? 0;
  const begin = async () => {
    data.setQueryData(queryKey, await api.deleteNeverLogged(entries));
    setAsked(entries);
  };
  if (deletion.data?.state === 'running') return <Running {...deletion.data} />;
  if (asked.length > 0 && asked === entries)
    return (
      <Alert color="teal" role="status">
        {several(deletion.data?.deleted ?? 0, 'logged mail')} deleted.
      </Alert>
    );
  if (logged === 0) return null;
  return (
    <Alert color="yellow" icon={<IconTrash size={18} />} title={`${several(logged, 'mail')} of them logged until now`}>
      <Stack align="flex-start">
        <Text size="sm">They stay on timelines. What you sent them from here is not counted.</Text>
        <Button ref={target} variant="default" onClick={confirm.open}>
          Delete them
        </Button>
      </Stack>
      <ConfirmDialog
        opened={confirming}
        onClose={confirm.close}
        onClosed={back}
        title={`Delete what is logged of ${entries.length === 1 ? entries[0]! : several(entries.length, 'entry', 'entries')}?`}
        verb="Delete"
        act={begin}
      >
        Every logged mail that one of them is on goes from all timelines, with its text and attachments, and does not come back, also if the
        entry is taken back. Nothing is deleted in the mailbox itself.
      </ConfirmDialog>
    </Alert>
  );
}

function Running({ mails, deleted }: { mails: number; deleted: number }) {
  return (
    <Alert color="blue" role="status">
      <Text size="sm">
        Deleting logged mail: {deleted.toLocaleString()} of {mails.toLocaleString()}
      </Text>
      <Progress value={mails === 0 ? 100 : (100 * deleted) / mails} mt="xs" aria-label="Deleted" />
    </Alert>
  );
}
