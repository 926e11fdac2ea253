// Connecting a mailbox in one dialog: address, password, servers found or typed, and a live test that says why it fails.
import { Alert, Anchor, Button, Collapse, Group, Modal, NumberInput, PasswordInput, Select, Stack, Text, TextInput } from '@mantine/core';
import { useForm, type UseFormReturnType } from '@mantine/form';
import { notifications } from '@mantine/notifications';
import { IconCheck, IconX } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, ApiError, type Check, type Server } from './api.js';

interface Values {
  address: string;
  username: string;
  password: string;
  imap: Server;
  smtp: Server;
}

const empty: Values = {
  address: '',
  username: '',
  password: '',
  imap: { host: '', port: 993, security: 'tls' },
  smtp: { host: '', port: 465, security: 'tls' },
};

export function ConnectDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const data = useQueryClient();
  const [servers, showServers] = useState(false);
  const [hint, setHint] = useState('');
  const form = useForm<Values>({
    initialValues: empty,
    validate: {
      address: (value) => (/^\S+@\S+\.\S+$/.test(value) ? null : 'An address looks like name@example.com'),
      password: (value) => (value ? null : 'The password is needed to sign in'),
      imap: { host: (value) => (value ? null : 'Which server receives?') },
      smtp: { host: (value) => (value ? null : 'Which server sends?') },
    },
  });
  const discover = useMutation({
    mutationFn: api.discover,
    onSuccess: ({ imap, smtp, hint: found }) => {
      if (imap) form.setFieldValue('imap', imap);
      if (smtp) form.setFieldValue('smtp', smtp);
      setHint(found);
      showServers(!imap || !smtp);
    },
    onError: () => showServers(true),
  });
  const close = () => {
    form.reset();
    setHint('');
    showServers(false);
    connect.reset();
    onClose();
  };
  const connect = useMutation({
    mutationFn: ({ username, ...login }: Values) => api.connect(username ? { ...login, username } : login),
    onSuccess: (inbox) => {
      notifications.show({ message: `${inbox.address} is connected.` });
      void data.invalidateQueries({ queryKey: ['inboxes'] });
      close();
    },
    onError: () => showServers(true),
  });
  const lookUp = () => {
    if (!form.validateField('address').hasError && !form.values.imap.host) discover.mutate(form.values.address);
  };
  return (
    <Modal opened={opened} onClose={close} title="Connect a mailbox" size="lg">
      <form
        onSubmit={form.onSubmit(
          (values) => connect.mutate(values),
          () => showServers(true),
        )}
      >
        <Stack>
          <TextInput
            label="Address"
            type="email"
            autoComplete="email"
            placeholder="name@example.com"
            data-autofocus
            {...form.getInputProps('address')}
            onBlur={lookUp}
          />
          <PasswordInput
            label="Password"
            autoComplete="current-password"
            description={hint || 'Many providers want an app password here.'}
            {...form.getInputProps('password')}
          />
          <Anchor component="button" type="button" size="sm" onClick={() => showServers(!servers)} aria-expanded={servers}>
            {servers
              ? 'Hide the servers'
              : form.values.imap.host
                ? `Servers: ${form.values.imap.host}, ${form.values.smtp.host}`
                : 'Type the servers'}
          </Anchor>
          <Collapse expanded={servers}>
            <Stack gap="sm">
              <ServerFields label="Receiving (IMAP)" name="imap" form={form} />
              <ServerFields label="Sending (SMTP)" name="smtp" form={form} />
              <TextInput label="User name" description="Only if it is not the address." {...form.getInputProps('username')} />
            </Stack>
          </Collapse>
          {connect.error && <Refusal error={connect.error} />}
          <Group justify="flex-end">
            <Button type="submit" loading={connect.isPending || discover.isPending}>
              Test and connect
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function ServerFields({
  label,
  name,
  form,
}: {
  label: string;
  name: 'imap' | 'smtp';
  form: Pick<UseFormReturnType<Values>, 'getInputProps'>;
}) {
  return (
    <Group align="flex-start" gap="xs" wrap="nowrap">
      <TextInput label={label} placeholder={`${name}.example.com`} style={{ flex: 1 }} {...form.getInputProps(`${name}.host`)} />
      <NumberInput label="Port" w={92} min={1} max={65_535} hideControls {...form.getInputProps(`${name}.port`)} />
      <Select
        label="Encryption"
        w={128}
        allowDeselect={false}
        data={[
          { value: 'tls', label: 'TLS' },
          { value: 'starttls', label: 'STARTTLS' },
        ]}
        {...form.getInputProps(`${name}.security`)}
      />
    </Group>
  );
}

function Refusal({ error }: { error: Error }) {
  const checks = error instanceof ApiError ? error.checks : [];
  if (checks.length === 0) return <Alert color="red">{error.message}</Alert>;
  return (
    <Stack gap="xs" aria-live="polite">
      {checks.map((check) => (
        <CheckLine key={check.protocol} check={check} />
      ))}
    </Stack>
  );
}

function CheckLine({ check }: { check: Check }) {
  const name = check.protocol === 'imap' ? 'Receiving' : 'Sending';
  return (
    <Alert color={check.passed ? 'teal' : 'red'} icon={check.passed ? <IconCheck size={18} /> : <IconX size={18} />} py="xs">
      <Text size="sm">
        <b>{name}</b>: {check.passed ? 'works' : check.detail}
      </Text>
    </Alert>
  );
}
