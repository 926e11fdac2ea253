// Connecting a mailbox in one dialog: address, password, servers found or typed, and a live test that says why it fails.
import { Anchor, Button, Collapse, Group, Modal, PasswordInput, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useForm, type UseFormReturnType } from '@mantine/form';
import { notifications } from '@mantine/notifications';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Discovered, type Server } from './api.js';
import { preflight } from './preflight.js';
import { Refusal, Tested } from './refusal.js';
import { ServerFields } from './server-fields.js';
import { SignInMissing, SignInOffer } from './sign-in-offer.js';

interface Values {
  address: string;
  name: string;
  username: string;
  password: string;
  imap: Server;
  smtp: Server;
}

/** For a few sentences. */
const readableMs = 15_000;
const addressForm = /^\S+@\S+\.\S+$/;
const empty: Values = {
  address: '',
  name: '',
  username: '',
  password: '',
  imap: { host: '', port: 993, security: 'tls' },
  smtp: { host: '', port: 465, security: 'tls' },
};

const loginOf = ({ address, username, password, imap, smtp }: Values) => ({
  ...{ address, password, imap, smtp },
  ...(username ? { username } : {}),
});

export function ConnectDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const data = useQueryClient();
  const [servers, showServers] = useState(false);
  const [found, setFound] = useState<Discovered>();
  const [byPassword, usePassword] = useState(false);
  /** Whose servers stand there; none where a person typed them. */
  const [foundFor, setFoundFor] = useState('');
  const form = useForm<Values>({
    initialValues: empty,
    validate: {
      address: (value) => (addressForm.test(value) ? null : 'An address looks like name@example.com'),
      password: (value) => (value ? null : 'The password is needed to sign in'),
      imap: { host: (value) => (value ? null : 'Which server receives?') },
      smtp: { host: (value) => (value ? null : 'Which server sends?') },
    },
  });
  const untyped = () => form.values.imap.host === '' || foundFor !== '';
  const discover = useMutation({
    mutationFn: api.discover,
    onSuccess: (discovered, address) => {
      const { imap, smtp, username } = discovered;
      setFound(discovered);
      showServers(!imap || !smtp);
      if (!untyped()) return;
      form.setFieldValue('imap', imap ?? empty.imap);
      form.setFieldValue('smtp', smtp ?? empty.smtp);
      form.setFieldValue('username', username);
      setFoundFor(imap && smtp ? address : '');
    },
    onError: () => showServers(true),
  });
  const close = () => {
    form.reset();
    setFound(undefined);
    usePassword(false);
    setFoundFor('');
    showServers(false);
    connect.reset();
    discover.reset();
    test.reset();
    onClose();
  };
  const connect = useMutation({
    mutationFn: (values: Values) => api.connect({ ...loginOf(values), ...(values.name ? { display_name: values.name } : {}) }),
    onSuccess: (inbox) => {
      notifications.show({ message: `${inbox.address} is connected. ${preflight(inbox)}`, autoClose: readableMs });
      void data.invalidateQueries({ queryKey: ['inboxes'] });
      close();
    },
    onError: () => showServers(true),
  });
  const test = useMutation({ mutationFn: (values: Values) => api.verify(loginOf(values)) });
  /** What the other button brought is of yesterday. */
  const attempt = (one: typeof connect | typeof test, values: Values) => {
    test.reset();
    connect.reset();
    one.mutate(values);
  };
  const showMissing = (wrong: Record<string, unknown>) => {
    if (wrong['imap.host'] || wrong['smtp.host']) showServers(true);
  };
  const atPage = found?.sign_in === 'oauth';
  const offered = atPage && found.oauth_provider !== '' && !byPassword;
  const lookUp = () => {
    const { address } = form.values;
    if (addressForm.test(address) && untyped() && foundFor !== address) discover.mutate(address);
  };
  return (
    <Modal opened={opened} onClose={close} closeOnClickOutside={false} title="Connect a mailbox" size="lg">
      <form onSubmit={form.onSubmit((values) => attempt(connect, values), showMissing)} noValidate>
        <Stack gap="sm">
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
            <TextInput
              label="Address"
              type="email"
              autoComplete="email"
              placeholder="name@example.com"
              data-autofocus
              {...form.getInputProps('address')}
              onBlur={lookUp}
            />
            <TextInput label="Your name" autoComplete="name" placeholder="As others are to see it" {...form.getInputProps('name')} />
          </SimpleGrid>
          {offered ? (
            <SignInOffer found={found} address={form.values.address} name={form.values.name} usePassword={() => usePassword(true)} />
          ) : (
            <>
              {atPage && found.oauth_provider === '' && <SignInMissing provider={found.provider} />}
              <PasswordInput
                label="Password"
                autoComplete="current-password"
                description={found?.hint || 'Many providers want an app password here.'}
                {...form.getInputProps('password')}
              />
              <Servers form={form} open={servers} show={showServers} looking={discover.isPending} onTyped={() => setFoundFor('')} />
              {discover.error && !connect.error && <Refusal error={discover.error} />}
              {connect.error && <Refusal error={connect.error} />}
              {test.error && <Refusal error={test.error} />}
              {test.data && <Tested verified={test.data} />}
              <Group justify="flex-end">
                <Text size="sm" c="dimmed" role="status">
                  {connect.isPending || test.isPending ? 'Signing in to both servers; this may take half a minute.' : ''}
                </Text>
                <Button
                  variant="default"
                  loading={test.isPending}
                  onClick={() => form.onSubmit((values) => attempt(test, values), showMissing)()}
                >
                  Only test
                </Button>
                <Button type="submit" loading={connect.isPending || discover.isPending}>
                  Test and connect
                </Button>
              </Group>
            </>
          )}
        </Stack>
      </form>
    </Modal>
  );
}

interface ServersProps {
  form: UseFormReturnType<Values>;
  open: boolean;
  show: (open: boolean) => void;
  looking: boolean;
  onTyped: () => void;
}

function Servers({ form, open, show, looking, onTyped }: ServersProps) {
  return (
    <>
      <ServersLine open={open} toggle={() => show(!open)} values={form.values} looking={looking} />
      <Collapse expanded={open} keepMounted={false}>
        <Stack gap="sm">
          <ServerFields label="Receiving (IMAP)" name="imap" getInputProps={form.getInputProps} onTyped={onTyped} />
          <ServerFields label="Sending (SMTP)" name="smtp" getInputProps={form.getInputProps} onTyped={onTyped} />
          <TextInput label="User name" placeholder="Only if it is not the address" {...form.getInputProps('username')} />
        </Stack>
      </Collapse>
    </>
  );
}

function ServersLine({ open, toggle, values, looking }: { open: boolean; toggle: () => void; values: Values; looking: boolean }) {
  const { imap, smtp } = values;
  const found = imap.host ? `Servers: ${imap.host === smtp.host ? imap.host : `${imap.host}, ${smtp.host}`}` : 'Type the servers';
  return (
    <Anchor component="button" type="button" size="sm" ta="left" onClick={toggle} aria-expanded={open}>
      <Group gap={4} wrap="nowrap">
        {open ? <IconChevronDown size={16} /> : <IconChevronRight size={16} />}
        {looking ? 'Looking for the servers…' : open ? 'Servers' : found}
      </Group>
    </Anchor>
  );
}
