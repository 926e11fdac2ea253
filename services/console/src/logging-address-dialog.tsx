// The address by which a mailbox's owner logs mail by hand: shown, copied, renewed.
import { Alert, Button, Group, Modal, Skeleton, Stack, Text } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, type Inbox } from './api.js';
import { CopyLine } from './copy-line.js';

interface Props {
  inbox: Inbox;
  opened: boolean;
  onClose: () => void;
  /** Once the dialog is out of sight. */
  onClosed: () => void;
}

export function LoggingAddressDialog({ inbox, opened, onClose, onClosed }: Props) {
  const data = useQueryClient();
  const queryKey = ['logging-address', inbox.inbox_id];
  const asked = useQuery({ queryKey, queryFn: () => api.loggingAddress(inbox.inbox_id), enabled: opened, retry: false });
  const renewing = useMutation({
    mutationFn: () => api.renewLoggingAddress(inbox.inbox_id),
    onSuccess: (address) => data.setQueryData(queryKey, address),
  });
  const error = asked.error ?? renewing.error;
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={`Logging address of ${inbox.address}`}
      size="lg"
      returnFocus={false}
      onExitTransitionEnd={onClosed}
    >
      <Stack>
        <Text size="sm">
          Put this address into BCC, and the mail stands on the timelines of those you wrote to. Forward a mail to it, and it stands on the
          timeline of whoever wrote it.
        </Text>
        {asked.isPending && <Skeleton h={36} aria-label="Loading" />}
        {error && <Alert color="red">{error.message}</Alert>}
        {asked.data && (
          <>
            <CopyLine label="Logging address" value={asked.data.address} />
            <Text size="sm" c="dimmed">
              It takes mail from your connected mailboxes alone; whatever else comes is held back and shown under Mailboxes.
            </Text>
            <Group justify="flex-end">
              <Button
                variant="default"
                size="xs"
                leftSection={<IconRefresh size={16} />}
                loading={renewing.isPending}
                onClick={() => renewing.mutate()}
              >
                Make a new address; this one stops at once
              </Button>
            </Group>
          </>
        )}
      </Stack>
    </Modal>
  );
}
