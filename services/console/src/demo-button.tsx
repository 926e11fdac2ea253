// Starts the demo: a mail server on this machine and a contact who answers.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconSparkles } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, type Session } from './api.js';

export function DemoButton({ demo }: { demo: Session['demo'] }) {
  const data = useQueryClient();
  const start = useMutation({
    mutationFn: api.startDemo,
    onSuccess: () => {
      notifications.show({ message: 'A demo mailbox writes to Ada Example. Her answer arrives by itself.' });
      void data.invalidateQueries({ queryKey: ['session'] });
    },
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  if (!demo.available) return null;
  return (
    <Button
      variant="default"
      leftSection={<IconSparkles size={16} />}
      loading={start.isPending || demo.state === 'starting'}
      onClick={() => start.mutate()}
    >
      Try the demo
    </Button>
  );
}
