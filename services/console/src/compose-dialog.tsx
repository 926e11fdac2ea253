// Writing a mail: from which mailbox, to whom, what, with which files. What is written stays until it is sent.
import {
  Alert,
  Anchor,
  Button,
  CloseButton,
  FileButton,
  Group,
  Loader,
  Modal,
  Select,
  Stack,
  TextInput,
  Textarea,
  type ComboboxParsedItem,
} from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDebouncedValue } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconFile, IconFileOff, IconPaperclip, IconSend } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { api, type Engagement, type Inbox, type OutgoingMail } from './api.js';
import { FileName } from './file-name.js';
import { size } from './format.js';

interface Upload {
  key: string;
  name: string;
  bytes: number;
  id?: string;
  error?: string;
}

interface Props {
  opened: boolean;
  onClose: () => void;
  to?: string;
  answers?: Engagement;
}

const maxTogetherBytes = 25_000_000;

export function ComposeDialog({ opened, onClose, to = '', answers }: Props) {
  const data = useQueryClient();
  const [, go] = useLocation();
  const [uploads, setUploads] = useState<Upload[]>([]);
  const key = useRef<string>(crypto.randomUUID());
  const form = useForm({
    initialValues: { from: '', to, subject: answers ? answerSubject(answers.subject) : '', text: '' },
    validate: {
      to: (value) =>
        addresses(value).length > 0 && addresses(value).every((one) => /^\S+@\S+\.\S+$/.test(one))
          ? null
          : 'Addresses, separated by commas',
      text: (value) => (value.trim() ? null : 'There is nothing to send yet'),
    },
  });
  const sender = useSender(opened, form.values.from || answers?.inbox_id);
  const from = sender.value;
  const send = useMutation({
    mutationFn: (mail: OutgoingMail) => api.send(mail, key.current),
    onSuccess: async (_sent, mail) => {
      form.reset();
      setUploads([]);
      key.current = crypto.randomUUID();
      onClose();
      notifications.show({ id: 'sent', message: 'On its way. The answer appears here by itself.' });
      void data.invalidateQueries({ queryKey: ['timeline'] });
      if (mail.to.length === 1 && !answers) go(await timelineOf(mail.to[0]!.address));
      void data.invalidateQueries({ queryKey: ['contacts'] });
    },
  });
  const close = () => {
    send.reset();
    onClose();
  };
  const submit = form.onSubmit((values) =>
    send.mutate({
      inbox_id: from,
      to: addresses(values.to).map((address) => ({ address, name: '' })),
      subject: values.subject,
      text: values.text,
      attachment_ids: uploads.flatMap(({ id }) => id ?? []),
      ...(answers?.message_id ? { in_reply_to: answers.message_id, references: [answers.message_id] } : {}),
    }),
  );
  const busy = uploads.some((upload) => !upload.id && !upload.error);
  const tooMuch = uploads.reduce((sum, { bytes }) => sum + bytes, 0) > maxTogetherBytes;
  return (
    <Modal opened={opened} onClose={close} closeOnClickOutside={false} title={answers ? 'Answer' : 'New mail'} size="xl">
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          {sender.isNone && (
            <Alert color="orange">
              No mailbox can send at the moment. Connect one, or see what is wrong, under{' '}
              <Anchor component={Link} href="/inboxes" onClick={close} size="sm" c="inherit" td="underline">
                Mailboxes
              </Anchor>
              .
            </Alert>
          )}
          <Select label="From" {...sender.input} value={from} onChange={(value) => form.setFieldValue('from', value ?? '')} />
          <TextInput label="To" placeholder="name@example.com" data-autofocus={to ? undefined : true} {...form.getInputProps('to')} />
          <TextInput label="Subject" maxLength={998} {...form.getInputProps('subject')} />
          <Textarea label="Text" autosize minRows={8} maxRows={18} data-autofocus={to ? true : undefined} {...form.getInputProps('text')} />
          <Uploads uploads={uploads} change={setUploads} />
          {tooMuch && <Alert color="red">Together the files are over 25 MB, which most servers refuse.</Alert>}
          {send.error && <Alert color="red">{send.error.message}</Alert>}
          <Group justify="flex-end">
            <Button type="submit" leftSection={<IconSend size={16} />} loading={send.isPending} disabled={busy || tooMuch || from === ''}>
              Send
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

const nameOf = ({ display_name: name, address }: Inbox) => (name ? `${name} <${address}>` : address);

/** The mailbox it is sent from: the one that is wanted where it can send, else the first that can. Of many, one is found by typing. */
function useSender(opened: boolean, wanted: string | undefined) {
  const [typed, setTyped] = useState('');
  const [query] = useDebouncedValue(typed, 200);
  const found = useQuery({
    queryKey: ['inboxes', 'from', query],
    queryFn: () => api.inboxes({ query }),
    enabled: opened,
    placeholderData: (before) => before,
  });
  const one = useQuery({
    queryKey: ['inboxes', 'one', wanted],
    queryFn: () => api.inbox(wanted!),
    enabled: opened && !!wanted,
    retry: false,
  });
  const canSend = ({ sending }: Inbox) => sending === 'ready';
  const able = (found.data?.inboxes ?? []).filter(canSend);
  const first = useRef<Inbox>(undefined);
  if (query === '') first.current = able[0];
  const chosen = one.data && canSend(one.data) ? one.data : one.isLoading ? undefined : first.current;
  const shown = chosen && !able.some(({ inbox_id: id }) => id === chosen.inbox_id) ? [chosen, ...able] : able;
  const names = new Set(shown.map(nameOf));
  return {
    value: chosen?.inbox_id ?? '',
    isNone: found.data !== undefined && query === '' && shown.length === 0,
    input: {
      data: shown.map((inbox) => ({ value: inbox.inbox_id, label: nameOf(inbox) })),
      disabled: shown.length === 0 && query === '',
      allowDeselect: false,
      searchable: true,
      nothingFoundMessage: 'No mailbox that can send is like that',
      // The field says the name of the chosen one as if it were typed.
      onSearchChange: (text: string) => setTyped(names.has(text) ? '' : text),
      filter: ({ options }: { options: ComboboxParsedItem[] }) => options,
    },
  };
}

/** Where the answer will appear: the contact is made by asking for it. An own mailbox is nobody's contact. */
async function timelineOf(address: string): Promise<string> {
  const contact = await api.addContact({ address, name: '' }).catch(() => undefined);
  return contact ? `/contacts/${contact.contact_id}` : '/contacts';
}

function Uploads({ uploads, change }: { uploads: Upload[]; change: React.Dispatch<React.SetStateAction<Upload[]>> }) {
  const add = (files: File[]) => {
    for (const file of files) {
      const key = crypto.randomUUID();
      const settle = (with_: Partial<Upload>) => change((now) => now.map((one) => (one.key === key ? { ...one, ...with_ } : one)));
      change((now) => [...now, { key, name: file.name, bytes: file.size }]);
      api.upload(file).then(
        ({ attachment_id }) => settle({ id: attachment_id }),
        (error: Error) => settle({ error: error.message }),
      );
    }
  };
  return (
    <Group gap="xs">
      <FileButton multiple onChange={add}>
        {(props) => (
          <Button {...props} variant="default" size="xs" leftSection={<IconPaperclip size={15} />}>
            Attach files
          </Button>
        )}
      </FileButton>
      {uploads.map((upload) => (
        <Group key={upload.key} className="panel" h={30} gap={6} pl="xs" pr={4} wrap="nowrap" maw="100%">
          <UploadIcon upload={upload} />
          <FileName name={upload.name} note={upload.error ?? size(upload.bytes)} />
          <CloseButton
            size="xs"
            aria-label={`Leave out ${upload.name}`}
            onClick={() => change((now) => now.filter((one) => one.key !== upload.key))}
          />
        </Group>
      ))}
    </Group>
  );
}

function UploadIcon({ upload: { id, error } }: { upload: Upload }) {
  if (error) return <IconFileOff size={15} color="var(--mantine-color-error)" style={{ flex: 'none' }} />;
  return id ? <IconFile size={15} style={{ flex: 'none' }} /> : <Loader size={12} aria-label="Uploading" />;
}

function addresses(text: string): string[] {
  return text
    .split(/[,;]/)
    .map((one) => one.trim())
    .filter(Boolean);
}

function answerSubject(subject: string): string {
  return /^re:/i.test(subject) ? subject : `Re: ${subject}`;
}
