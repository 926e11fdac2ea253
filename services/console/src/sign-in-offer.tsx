// The way to a provider's own page, to connect a mailbox or to reconnect one; or who has to open that way first.
import { Alert, Anchor, Button, Stack, Text } from '@mantine/core';
import { IconExternalLink, IconInfoCircle } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { api, type Discovered, type SignInStart } from './api.js';
import { Refusal } from './refusal.js';

/** Where the page sends the person back to, as it is registered at the provider. */
export const signedInPath = '/inboxes/signed-in';

export function useSignIn() {
  return useMutation({
    mutationFn: (wanted: Omit<SignInStart, 'redirect_uri'>) => api.startSignIn({ ...wanted, redirect_uri: location.origin + signedInPath }),
    onSuccess: ({ authorization_url: page }) => location.assign(page),
  });
}

interface OfferProps {
  found: Discovered;
  address: string;
  name: string;
  usePassword: () => void;
}

export function SignInOffer({ found, address, name, usePassword }: OfferProps) {
  const signIn = useSignIn();
  const wanted = { provider: found.oauth_provider, address, ...(name ? { display_name: name } : {}) };
  return (
    <Stack gap="xs">
      <Button
        leftSection={<IconExternalLink size={16} />}
        loading={signIn.isPending || signIn.isSuccess}
        onClick={() => signIn.mutate(wanted)}
      >
        Sign in with {found.oauth_provider_name}
      </Button>
      <Text size="sm" c="dimmed">
        You sign in on the page of {found.oauth_provider_name} and come back here. Rejoinder never sees your password.
      </Text>
      {signIn.error && <Refusal error={signIn.error} />}
      <Anchor component="button" type="button" size="sm" ta="left" onClick={usePassword}>
        Use a password instead
      </Anchor>
    </Stack>
  );
}

/** This provider lets nobody in but by its page, and the page needs a registration of this installation. */
export function SignInMissing({ provider }: { provider: string }) {
  return (
    <Alert color="yellow" icon={<IconInfoCircle size={18} />}>
      <Text size="sm">
        Signing in with {provider} is not set up here. Whoever runs Rejoinder registers it there once and sets the client id and secret:
        docs/operations.md, “Sign-in with Google and Microsoft”.
      </Text>
    </Alert>
  );
}
