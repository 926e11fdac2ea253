// Asks once more before something is deleted for good.
import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';

interface Props {
  opened: boolean;
  onClose: () => void;
  /** Once the dialog is out of sight. */
  onClosed: () => void;
  title: string;
  children: string;
  /** What the red button says. */
  verb: string;
  act: () => Promise<unknown>;
}

export function ConfirmDialog({ opened, onClose, onClosed, title, children, verb, act }: Props) {
  const doing = useMutation({ mutationFn: act, onSuccess: onClose });
  const close = () => {
    doing.reset();
    onClose();
  };
  return (
    <Modal opened={opened} onClose={close} title={title} returnFocus={false} onExitTransitionEnd={onClosed}>
      <Stack>
        <Text size="sm">{children}</Text>
        {doing.error && <Alert color="red">{doing.error.message}</Alert>}
        <Group justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus>
            Keep it
          </Button>
          <Button color="red" loading={doing.isPending} onClick={() => doing.mutate()}>
            {verb}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
