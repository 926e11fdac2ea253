// The frame of the console: navigation on the left, one page at a time, a word when the live stream is broken.
import {
  ActionIcon,
  AppShell,
  Badge,
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
import { useDisclosure, useDocumentTitle } from '@mantine/hooks';
import {
  IconAddressBook,
  IconMoon,
  IconPencil,
  IconPlugConnectedX,
  IconSettings,
  IconShieldCheck,
  IconSun,
  IconInbox,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { api, ApiError, type Session } from './api.js';
import { ComposeDialog } from './compose-dialog.js';
import { ContactsPage } from './contacts-page.js';
import { InboxesPage } from './inboxes-page.js';
import { useLive } from './live.js';
import { RetentionPage } from './retention-page.js';
import { SettingsPage } from './settings-page.js';
import { signedInPath } from './sign-in-offer.js';
import { SignedInPage } from './signed-in-page.js';
import { StandingNotice } from './standing-notice.js';

const pages = [
  { path: '/contacts', label: 'Contacts', icon: IconAddressBook },
  { path: '/inboxes', label: 'Mailboxes', icon: IconInbox },
  { path: '/retention', label: 'What is kept', icon: IconShieldCheck },
  { path: '/settings', label: 'Settings', icon: IconSettings },
];

const whileStartingMs = 500;

export function App() {
  const session = useQuery({
    queryKey: ['session'],
    queryFn: api.session,
    refetchInterval: ({ state }) => (state.data?.demo.state === 'starting' ? whileStartingMs : false),
  });
  if (session.isPending) return <Whole>{<Loader aria-label="Loading" />}</Whole>;
  if (session.isError) return <SignedOut error={session.error} again={session.refetch} />;
  return <House {...session.data} />;
}

function House({ demo, version }: Pick<Session, 'demo' | 'version'>) {
  const [menu, { toggle, close }] = useDisclosure();
  const [writing, compose] = useDisclosure();
  const live = useLive();
  const [location] = useLocation();
  const page = pages.find(({ path }) => location.startsWith(path));
  useDocumentTitle(page ? `${page.label} · Rejoinder` : 'Rejoinder');
  return (
    <AppShell
      padding={{ base: 'sm', sm: 'lg' }}
      header={{ height: 56 }}
      navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: !menu } }}
    >
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={menu} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Menu" />
            <Box component="img" src="/icon.svg" w={26} h={26} alt="" visibleFrom="xs" />
            <Title order={1}>Rejoinder</Title>
          </Group>
          <Group gap="xs" wrap="nowrap">
            {!live && (
              <Tooltip label="The connection to Rejoinder is broken; this page may be old. It is being tried again.">
                <Badge color="orange" variant="light" size="lg" tt="none" role="status" tabIndex={0} aria-label="Not live">
                  <Group gap={4} wrap="nowrap">
                    <IconPlugConnectedX size={14} />
                    <Box visibleFrom="xs">Not live</Box>
                  </Group>
                </Badge>
              </Tooltip>
            )}
            <Button onClick={compose.open} size="sm" px={{ base: 'sm', xs: 'md' }} aria-label="Write">
              <Group gap="xs" wrap="nowrap">
                <IconPencil size={16} />
                <Box visibleFrom="xs">Write</Box>
              </Group>
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
                active={path === page?.path}
                aria-current={path === page?.path ? 'page' : undefined}
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
          <StandingNotice />
          <Switch>
            <Route path="/contacts/:id?">{({ id }) => <ContactsPage contactId={id} demo={demo} onWrite={compose.open} />}</Route>
            <Route path={signedInPath} component={SignedInPage} />
            <Route path="/inboxes">
              <InboxesPage demo={demo} />
            </Route>
            <Route path="/retention" component={RetentionPage} />
            <Route path="/settings" component={SettingsPage} />
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

function SignedOut({ error, again }: { error: Error; again: () => unknown }) {
  const signedOut = error instanceof ApiError && error.status === 401;
  return (
    <Whole>
      <Stack align="center" maw={420} gap="xs" ta="center">
        <img src="/icon.svg" width={44} height={44} alt="" />
        <Title order={1}>{signedOut ? 'Please open the address from the terminal' : 'Rejoinder does not answer'}</Title>
        <Text c="dimmed">
          {signedOut
            ? 'Each start of Rejoinder prints an address that signs this browser in, once. Take the newest one.'
            : 'Look into the terminal in which it was started: is it still running?'}
        </Text>
        <Button variant="default" mt="sm" onClick={() => void again()}>
          Try again
        </Button>
      </Stack>
    </Whole>
  );
}
