// Entering a new password for a mailbox: it is tried with both servers before it is kept.
import { Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Inbox } from './api.js';
import { Refusal } from './refusal.js';

interface Props {
  inbox: Inbox;
  opened: boolean;
  onClose: () => void;
  /** Once the dialog is out of sight. */
  onClosed: () => void;
}

export function PasswordDialog({ inbox, opened, onClose, onClosed }: Props) {
  const data = useQueryClient();
  const [password, setPassword] = useState('');
  const save = useMutation({
    mutationFn: () => api.reconnect(inbox.inbox_id, password),
    onSuccess: () => {
      notifications.show({ message: `${inbox.address} is connected again. What came meanwhile is read now.` });
      void data.invalidateQueries({ queryKey: ['inboxes'] });
      close();
    },
  });
  const close = () => {
    setPassword('');
    save.reset();
    onClose();
  };
  return (
    <Modal opened={opened} onClose={close} title={`New password for ${inbox.address}`} returnFocus={false} onExitTransitionEnd={onClosed}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Stack>
          <PasswordInput
            label="Password"
            description="It is tried with both servers before it is kept."
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            data-autofocus
          />
          {save.error && <Refusal error={save.error} />}
          <Group justify="flex-end">
            <Text size="sm" c="dimmed" role="status">
              {save.isPending ? 'Signing in to both servers…' : ''}
            </Text>
            <Button type="submit" loading={save.isPending} disabled={password === ''}>
              Test and save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
