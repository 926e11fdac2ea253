// One mail on a timeline.
import { ActionIcon, Alert, Anchor, Badge, Button, Group, Menu, Skeleton, Stack, Text, ThemeIcon, Tooltip } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import {
  IconArrowDownLeft,
  IconArrowUpRight,
  IconDots,
  IconFile,
  IconFileOff,
  IconHelp,
  IconPaperclip,
  IconTrash,
} from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Attachment, type Delivery, type Engagement } from './api.js';
import { ConfirmDialog } from './confirm-dialog.js';
import { Deliveries } from './deliveries.js';
import { FileName } from './file-name.js';
import { useFocusBack } from './focus.js';
import { fullTime, nameOf, shortTime, size } from './format.js';
import { MailFrame } from './mail-frame.js';

const stateLook: Record<string, { color: string; label: string }> = {
  accepted: { color: 'gray', label: 'Sending' },
  sending: { color: 'gray', label: 'Sending' },
  failed: { color: 'red', label: 'Not sent' },
  unconfirmed: { color: 'orange', label: 'Not confirmed' },
};

const automatic: Record<string, string> = { auto_reply: 'automatic answer', delivery_report: 'delivery report', complaint: 'complaint' };

interface Props {
  mail: Engagement;
  /** What became of it, or what it tells of another. */
  deliveries: readonly Delivery[];
  /** Asked why it is here, from this button. */
  onExplain: (mail: Engagement, from: HTMLElement | null) => void;
}

export function MailCard({ mail, deliveries, onExplain }: Props) {
  const incoming = mail.direction === 'in';
  const look = incoming ? undefined : stateLook[mail.state];
  const people = incoming ? nameOf(mail.from) : `${nameOf(mail.from)} to ${mail.to.map(nameOf).join(', ')}`;
  return (
    <Group align="flex-start" wrap="nowrap" gap="sm" component="article" className="mail">
      <ThemeIcon
        variant="light"
        color={incoming ? 'brand' : 'gray'}
        radius="xl"
        size={30}
        role="img"
        aria-label={incoming ? 'Received' : 'Sent'}
      >
        {incoming ? <IconArrowDownLeft size={16} /> : <IconArrowUpRight size={16} />}
      </ThemeIcon>
      <Stack gap={6} style={{ flex: 1 }} miw={0}>
        <Group justify="space-between" wrap="nowrap" gap="xs" align="flex-start">
          <Group gap="0 var(--mantine-spacing-xs)" miw={0}>
            <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }} title={mail.from.address}>
              {people}
            </Text>
            <Text size="xs" c="dimmed" title={fullTime(mail.occurred_at)}>
              {shortTime(mail.occurred_at)}
            </Text>
            {automatic[mail.kind] && (
              <Badge variant="light" color="gray" tt="none" title={`Its header ${mail.kind_because} says so`}>
                {automatic[mail.kind]}
              </Badge>
            )}
            {look && (
              <Badge variant="light" color={look.color} tt="none" role="status">
                {look.label}
              </Badge>
            )}
          </Group>
          <MailMenu mail={mail} onExplain={onExplain} />
        </Group>
        {look && mail.state_text && mail.state !== 'accepted' && <SendTrouble mail={mail} color={look.color} />}
        <Deliveries of={deliveries} />
        <MailText mail={mail} />
        {mail.attachments.length > 0 && (
          <Group gap="xs" mt={4}>
            {mail.attachments.map((attachment) => (
              <AttachmentChip key={attachment.attachment_id} attachment={attachment} />
            ))}
          </Group>
        )}
      </Stack>
    </Group>
  );
}

function MailText({ mail }: { mail: Engagement }) {
  const [original, setOriginal] = useState(false);
  const [whole, setWhole] = useState(false);
  if (mail.text_state === 'pending') return <Skeleton h={40} aria-label="The text is being fetched" />;
  if (mail.text_state !== 'ready') {
    return (
      <Text size="sm" c="dimmed">
        The text could not be read{mail.text_state === 'gone' ? ' any more' : ''}.
      </Text>
    );
  }
  if (original) return <MailFrame html={mail.html} onClose={() => setOriginal(false)} />;
  const isMore = mail.text.trim() !== mail.new_text.trim();
  return (
    <>
      <div className="mailText">
        {(whole ? mail.text.trim() : mail.new_text) || (isMore ? 'It says nothing new.' : 'This mail has no text.')}
      </div>
      <Group gap="md">
        {isMore && (
          <Anchor component="button" size="xs" c="dimmed" onClick={() => setWhole(!whole)} aria-expanded={whole}>
            {whole ? 'Show what is new' : 'Show the whole text'}
          </Anchor>
        )}
        {mail.html && (
          <Anchor component="button" size="xs" c="dimmed" onClick={() => setOriginal(true)}>
            Show as it was written
          </Anchor>
        )}
        {mail.text_truncated && (
          <Text size="xs" c="dimmed">
            The text was too long and is cut.
          </Text>
        )}
      </Group>
    </>
  );
}

function AttachmentChip({ attachment }: { attachment: Attachment }) {
  const { state, file_name: name } = attachment;
  const icon =
    state === 'rejected' ? <IconFileOff size={15} /> : state === 'pending' ? <IconPaperclip size={15} /> : <IconFile size={15} />;
  if (state === 'stored') {
    return (
      <Button
        component="a"
        href={`/v1/attachments/${attachment.attachment_id}`}
        download={name}
        variant="default"
        size="xs"
        leftSection={icon}
        className="file"
      >
        <FileName name={name} note={size(attachment.size_bytes)} />
      </Button>
    );
  }
  const why = state === 'rejected' ? attachment.reason_text || 'This attachment is not logged.' : 'This attachment is being fetched.';
  return (
    <Tooltip label={why}>
      <Button
        variant="default"
        size="xs"
        leftSection={icon}
        className="file"
        aria-disabled
        data-disabled
        aria-label={`${name}: ${why}`}
        onClick={(event) => event.preventDefault()}
      >
        <FileName name={name} note={state === 'rejected' ? 'not logged' : size(attachment.size_bytes)} />
      </Button>
    </Tooltip>
  );
}

function SendTrouble({ mail, color }: { mail: Engagement; color: string }) {
  const data = useQueryClient();
  const resolve = useMutation({
    mutationFn: (outcome: 'sent' | 'send_again') => api.resolve(mail.send_id, outcome),
    onSuccess: () => data.invalidateQueries({ queryKey: ['timeline'] }),
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  return (
    <Alert color={color} variant="light" py="xs">
      <Group justify="space-between">
        <Text size="sm">{mail.state_text}</Text>
        {mail.state === 'unconfirmed' && (
          <Group gap="xs">
            <Button size="xs" variant="default" onClick={() => resolve.mutate('sent')}>
              It was sent
            </Button>
            <Button size="xs" variant="default" onClick={() => resolve.mutate('send_again')}>
              Send again
            </Button>
          </Group>
        )}
      </Group>
    </Alert>
  );
}

function MailMenu({ mail, onExplain }: Omit<Props, 'deliveries'>) {
  const data = useQueryClient();
  const [asking, setAsking] = useState(false);
  const { target, back } = useFocusBack();
  const remove = async () => {
    await api.deleteEngagement(mail.engagement_id);
    void data.invalidateQueries({ queryKey: ['timeline'] });
    void data.invalidateQueries({ queryKey: ['contacts'] });
  };
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon ref={target} variant="subtle" color="gray" size="sm" aria-label="More for this mail">
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconHelp size={16} />} onClick={() => onExplain(mail, target.current)}>
            Why is this here?
          </Menu.Item>
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setAsking(true)}>
            Delete from the timeline
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        onClosed={back}
        title="Delete this mail from the timeline?"
        verb="Delete"
        act={remove}
      >
        Its text and attachments are deleted here for good, and it will not come back. In the mailbox itself nothing changes.
      </ConfirmDialog>
    </>
  );
}
