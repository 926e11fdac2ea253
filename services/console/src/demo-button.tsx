// Starts the demo: a mail server on this machine and a contact who answers.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconSparkles } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api } from './api.js';

export function DemoButton({ available, running }: { available: boolean; running: boolean }) {
  const data = useQueryClient();
  const start = useMutation({
    mutationFn: api.startDemo,
    onSuccess: () => {
      notifications.show({ message: 'The demo mailbox has sent a mail to Ada Example. Her answer arrives by itself.' });
      void data.invalidateQueries();
    },
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  if (!available) return null;
  return (
    <Button variant="default" leftSection={<IconSparkles size={16} />} loading={start.isPending} onClick={() => start.mutate()}>
      {running ? 'Send another demo mail' : 'Try the demo'}
    </Button>
  );
}
