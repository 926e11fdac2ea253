// The frame of the console: navigation on the left, one page at a time, a word when the live stream is broken.
import {
  ActionIcon,
  AppShell,
  Box,
  Burger,
  Button,
  Center,
  Group,
  Loader,
  NavLink,
  Stack,
  Text,
  Title,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconAddressBook, IconMoon, IconPencil, IconPlugConnectedX, IconShieldCheck, IconSun, IconInbox } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { api, ApiError } from './api.js';
import { ComposeDialog } from './compose-dialog.js';
import { ContactsPage } from './contacts-page.js';
import { InboxesPage } from './inboxes-page.js';
import { useLive } from './live.js';
import { RetentionPage } from './retention-page.js';

const pages = [
  { path: '/contacts', label: 'Contacts', icon: IconAddressBook },
  { path: '/inboxes', label: 'Mailboxes', icon: IconInbox },
  { path: '/retention', label: 'What is kept', icon: IconShieldCheck },
];

export function App() {
  const session = useQuery({ queryKey: ['session'], queryFn: api.session });
  if (session.isPending) return <Whole>{<Loader aria-label="Loading" />}</Whole>;
  if (session.error) return <SignedOut error={session.error} />;
  return <House demo={session.data.demo} version={session.data.version} />;
}

function House({ demo, version }: { demo: { available: boolean; state: string }; version: string }) {
  const [menu, { toggle, close }] = useDisclosure();
  const [writing, compose] = useDisclosure();
  const live = useLive();
  const [location] = useLocation();
  return (
    <AppShell padding="lg" header={{ height: 56 }} navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: !menu } }}>
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={menu} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Menu" />
            <img src="/icon.svg" width={26} height={26} alt="" />
            <Title order={1}>Rejoinder</Title>
          </Group>
          <Group gap="xs" wrap="nowrap">
            {!live && (
              <Tooltip label="The connection to Rejoinder is broken; this page may be old. It is being tried again.">
                <IconPlugConnectedX size={20} color="var(--mantine-color-orange-6)" aria-label="Not live" />
              </Tooltip>
            )}
            <Button leftSection={<IconPencil size={16} />} onClick={compose.open} size="sm">
              Write
            </Button>
            <ColorSwitch />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm">
        <Stack justify="space-between" h="100%">
          <Box component="nav" aria-label="Pages">
            {pages.map(({ path, label, icon: Icon }) => (
              <NavLink
                key={path}
                component={Link}
                href={path}
                label={label}
                leftSection={<Icon size={18} stroke={1.6} />}
                active={location.startsWith(path)}
                onClick={close}
                style={{ borderRadius: 8 }}
              />
            ))}
          </Box>
          <Text size="xs" c="dimmed" px="sm">
            Version {version}
          </Text>
        </Stack>
      </AppShell.Navbar>
      <AppShell.Main>
        <Box maw={1180} mx="auto">
          <Switch>
            <Route path="/contacts/:id?">{({ id }) => <ContactsPage contactId={id} demo={demo} />}</Route>
            <Route path="/inboxes">
              <InboxesPage demo={demo} />
            </Route>
            <Route path="/retention" component={RetentionPage} />
            <Route>
              <Redirect to="/contacts" />
            </Route>
          </Switch>
        </Box>
      </AppShell.Main>
      <ComposeDialog opened={writing} onClose={compose.close} />
    </AppShell>
  );
}

function ColorSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  return (
    <Tooltip label={dark ? 'Light' : 'Dark'}>
      <ActionIcon
        variant="default"
        size="lg"
        onClick={() => setColorScheme(dark ? 'light' : 'dark')}
        aria-label={dark ? 'Use light colours' : 'Use dark colours'}
      >
        {dark ? <IconSun size={18} stroke={1.6} /> : <IconMoon size={18} stroke={1.6} />}
      </ActionIcon>
    </Tooltip>
  );
}

function Whole({ children }: { children: React.ReactNode }) {
  return <Center h="100vh">{children}</Center>;
}

function SignedOut({ error }: { error: Error }) {
  const signedOut = error instanceof ApiError && error.status === 401;
  return (
    <Whole>
      <Stack align="center" maw={420} gap="xs" ta="center">
        <img src="/icon.svg" width={44} height={44} alt="" />
        <Title order={1}>{signedOut ? 'Please open the address from the terminal' : 'Rejoinder does not answer'}</Title>
        <Text c="dimmed">
          {signedOut ? 'Each start of Rejoinder prints an address that signs this browser in, once. Take the newest one.' : error.message}
        </Text>
      </Stack>
    </Whole>
  );
}
