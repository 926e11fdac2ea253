// What a live test of both mail servers found: for each what works, and why not what does not.
import { Alert, Stack, Text } from '@mantine/core';
import { IconCheck, IconX } from '@tabler/icons-react';
import { ApiError, type Check, type Verified } from './api.js';
import { preflight } from './preflight.js';

const sides = { imap: 'Receiving', smtp: 'Sending' };

/** Of a password that is typed just now nobody can say that it was changed. */
const sentences: Record<string, string> = { AUTH_REJECTED: 'The server refused this user name and password.' };

export function Refusal({ error }: { error: Error }) {
  const checks = error instanceof ApiError ? error.checks : [];
  return (
    <Stack gap="xs" role="alert">
      {checks.length === 0 && <Alert color="red">{error.message}</Alert>}
      <Checks checks={checks} />
    </Stack>
  );
}

/** What came of a test that stored nothing. */
export function Tested({ verified }: { verified: Verified }) {
  return (
    <Stack gap="xs" role="status">
      <Checks checks={verified.checks} />
      {verified.checks.every(({ passed }) => passed) && (
        <Text size="sm" c="dimmed">
          {preflight(verified)}
        </Text>
      )}
    </Stack>
  );
}

function Checks({ checks }: { checks: Check[] }) {
  const lines = Object.entries(Object.groupBy(checks, sentenceOf));
  return (
    <>
      {lines.map(([sentence, same = []]) => (
        <Line key={sentence} sentence={`${sentence}${serversOf(same)}`} passed={same.every(({ passed }) => passed)} name={nameOf(same)} />
      ))}
    </>
  );
}

function Line({ name, sentence, passed }: { name: string; sentence: string; passed: boolean }) {
  return (
    <Alert color={passed ? 'teal' : 'red'} icon={passed ? <IconCheck size={18} /> : <IconX size={18} />} py="xs">
      <Text size="sm">
        <b>{name}</b>: {sentence}
      </Text>
    </Alert>
  );
}

function sentenceOf({ passed, code, detail, action }: Check): string {
  if (passed) return 'works.';
  return [sentences[code] ?? detail, action && `${action}.`].filter(Boolean).join(' ');
}

/** Of what is wrong with a server, and not with the login alone, at which. */
function serversOf(checks: Check[]): string {
  const wrong = checks.filter(({ passed, code }) => !passed && !(code in sentences));
  return wrong.length === 0 ? '' : ` (${wrong.map(({ server }) => server).join(', ')})`;
}

function nameOf(checks: Check[]): string {
  return checks.map(({ protocol }, at) => (at === 0 ? sides[protocol] : sides[protocol].toLowerCase())).join(' and ');
}
