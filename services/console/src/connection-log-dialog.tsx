// What became of a mailbox's connections: when it was signed in to, why it ended, and what was out of step.
import { Button, Group, Modal, Skeleton, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, type Inbox, type LogEntry } from './api.js';
import { fullTime, several } from './format.js';
import { Trouble } from './trouble.js';

interface Props {
  inbox: Inbox;
  opened: boolean;
  onClose: () => void;
  /** Once the dialog is out of sight. */
  onClosed: () => void;
}

export function ConnectionLogDialog({ inbox, opened, onClose, onClosed }: Props) {
  const log = useQuery({ queryKey: ['log', inbox.inbox_id], queryFn: () => api.log(inbox.inbox_id), enabled: opened, retry: false });
  const entries = log.data?.entries ?? [];
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={`Connections of ${inbox.address}`}
      size="lg"
      returnFocus={false}
      onExitTransitionEnd={onClosed}
    >
      <Stack>
        {log.isPending && <Skeleton h={60} aria-label="Loading" />}
        {log.error && <Trouble error={log.error} again={log.refetch} />}
        {log.data && entries.length === 0 && (
          <Text size="sm" c="dimmed">
            It has not been signed in to yet.
          </Text>
        )}
        {entries.length > 0 && (
          <Table aria-label="Newest first">
            <Table.Tbody>
              {entries.map((entry, index) => (
                <Table.Tr key={`${entry.at} ${index}`}>
                  <Table.Td style={{ whiteSpace: 'nowrap', verticalAlign: 'top' }}>
                    <Text size="sm" c="dimmed">
                      {fullTime(entry.at)}
                    </Text>
                  </Table.Td>
                  <Table.Td>
                    <Text size="sm">{sentenceOf(entry)}</Text>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
        <Group justify="flex-end">
          <Text size="xs" c="dimmed" style={{ flex: 1 }}>
            The newest 200 entries of the last 60 days.
          </Text>
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** One that a newer server writes is shown by its name. */
function sentenceOf({ what, reason_text: why, folder_role: role, mails }: LogEntry): string {
  const where = role && role !== 'other' ? `the folder “${role}”` : 'a folder';
  const sentences: Record<string, string> = {
    logged_in: 'Signed in.',
    ended: `The connection ended. ${why}`,
    uid_validity: `The server numbered the mails of ${where} anew: they are listed again, and none is new.`,
    gap: `A comparison found ${several(mails, 'mail')} in ${where} that had been missed; they were taken.`,
    unread: `The server does not hand out ${several(mails, 'mail')} of ${where}: they are asked for again every day.`,
    unsearched: `An older mail was looked for, and the server refused ${where}.`,
    folder_missing: why,
  };
  return (sentences[what] ?? what).trim();
}
