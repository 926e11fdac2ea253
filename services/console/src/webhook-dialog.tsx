// Makes a webhook or changes one, and shows its secret the once that it can be seen.
import { Alert, Button, Group, Modal, MultiSelect, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { CopyLine } from './copy-line.js';
import { shortTime } from './format.js';
import { webhookCalls, type Webhook } from './webhook-calls.js';

/** A click beside it does not lose a secret. */
const sheet = { size: 'lg', closeOnClickOutside: false };

interface Dialog {
  opened: boolean;
  onClose: () => void;
  /** Once it is out of sight. */
  onClosed?: () => void;
}

interface Props extends Dialog {
  /** The one that is changed; else one is made. */
  webhook?: Webhook;
  kinds: string[];
}

export function WebhookDialog({ webhook, kinds, opened, onClose, onClosed }: Props) {
  const title = webhook ? 'Change the webhook' : 'Add a webhook';
  return (
    <Modal opened={opened} onClose={onClose} title={title} {...sheet} returnFocus={!onClosed} onExitTransitionEnd={onClosed}>
      <WebhookForm webhook={webhook} kinds={kinds} close={onClose} />
    </Modal>
  );
}

/** Begins anew each time the dialog is opened. */
function WebhookForm({ webhook, kinds, close }: { webhook?: Webhook; kinds: string[]; close: () => void }) {
  const data = useQueryClient();
  const [url, setUrl] = useState(webhook?.url ?? '');
  const [events, setEvents] = useState(webhook?.events ?? []);
  const save = useMutation({
    mutationFn: async (): Promise<string | undefined> => {
      if (!webhook) return (await webhookCalls.add({ url: url.trim(), events })).secret;
      await webhookCalls.change(webhook.webhook_id, { url: url.trim(), events });
      return undefined;
    },
    onSuccess: (secret) => {
      void data.invalidateQueries({ queryKey: ['webhooks'] });
      if (!secret) close();
    },
  });
  if (save.data) return <Secret secret={save.data} close={close} />;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Stack>
        <TextInput
          label="Address"
          description="Of your program, such as https://crm.example.com/hooks/rejoinder. It answers with 2xx once it has an event."
          type="url"
          required
          maxLength={2_000}
          value={url}
          onChange={(event) => setUrl(event.currentTarget.value)}
          data-autofocus
        />
        <MultiSelect
          label="Events"
          description="None chosen: all of them. InboxDisconnected says that a mailbox needs a new password."
          placeholder={events.length === 0 ? 'All' : undefined}
          data={kinds}
          value={events}
          onChange={setEvents}
          searchable
          clearable
          clearButtonProps={{ 'aria-label': 'All events' }}
        />
        {save.error && <Alert color="red">{save.error.message}</Alert>}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            {webhook ? 'Save' : 'Add'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Secret({ secret, note, close }: { secret: string; note?: string; close: () => void }) {
  return (
    <Stack>
      <Text size="sm">
        Give this secret to your program: what it is told is signed with it, as Standard Webhooks says. It is shown now and never again.
      </Text>
      <CopyLine label="Secret" value={secret} />
      {note && (
        <Text size="sm" c="dimmed">
          {note}
        </Text>
      )}
      <Group justify="flex-end">
        <Button onClick={close}>I have it</Button>
      </Group>
    </Stack>
  );
}

export function NewSecretDialog({ webhook, opened, onClose, onClosed }: Dialog & { webhook: Webhook }) {
  return (
    <Modal opened={opened} onClose={onClose} title="New secret" {...sheet} returnFocus={false} onExitTransitionEnd={onClosed}>
      <NewSecret id={webhook.webhook_id} close={onClose} />
    </Modal>
  );
}

function NewSecret({ id, close }: { id: string; close: () => void }) {
  const making = useMutation({ mutationFn: () => webhookCalls.rotate(id) });
  if (making.data) {
    const note = `The old secret signs as well until ${shortTime(making.data.old_secret_signs_until)}.`;
    return <Secret secret={making.data.secret} note={note} close={close} />;
  }
  return (
    <Stack>
      <Text size="sm">For a day the old secret signs beside the new one, so that your program misses nothing while you hand it over.</Text>
      {making.error && <Alert color="red">{making.error.message}</Alert>}
      <Group justify="flex-end">
        <Button variant="default" onClick={close} data-autofocus>
          Keep the old one
        </Button>
        <Button loading={making.isPending} onClick={() => making.mutate()}>
          Make a new secret
        </Button>
      </Group>
    </Stack>
  );
}
