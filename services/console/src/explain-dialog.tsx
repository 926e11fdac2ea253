// Why a mail is where it is, in words; and a button for when it does not belong there.
import { Alert, Badge, Button, Group, List, Modal, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { explanations, type Evidence, type Explanation, type MailHead, type Pin } from './explanation-calls.js';
import { nameOf, several, shortTime } from './format.js';
import { Trouble } from './trouble.js';

/** More of what a mail answers is told by its number. */
const maxShown = 5;

interface Props {
  /** Which mail; undefined while none is asked about. */
  mailId: string | undefined;
  opened: boolean;
  onClose: () => void;
  /** Once the dialog is out of sight. */
  onClosed: () => void;
}

export function ExplainDialog({ mailId, opened, onClose, onClosed }: Props) {
  const asked = useQuery({
    queryKey: ['explanation', mailId],
    queryFn: () => explanations.explain(mailId!),
    enabled: opened && mailId !== undefined,
    retry: false,
  });
  return (
    <Modal opened={opened} onClose={onClose} title="Why is this here?" size="lg" returnFocus={false} onExitTransitionEnd={onClosed}>
      {asked.isPending && <Skeleton h={80} aria-label="Loading" />}
      {asked.error && !asked.data && <Trouble error={asked.error} again={asked.refetch} />}
      {asked.data && <Explained why={asked.data} onClose={onClose} />}
    </Modal>
  );
}

function Explained({ why, onClose }: { why: Explanation; onClose: () => void }) {
  const own = (kind: Pin['kind']) => why.pins.find((pin) => pin.mail_id === why.mail_id && pin.kind === kind);
  const [split, unlog] = [own('split'), own('unlog')];
  const others = why.pins.filter((pin) => pin !== split && pin !== unlog);
  const isByHand = why.rule === 'root' && why.because !== 'sent';
  return (
    <Stack>
      <Text role="status">
        {(split ?? unlog) && why.verdict !== 'tracked' ? `It is off the timeline. ${why.rule_text}` : why.rule_text}
      </Text>
      {why.evidence.length > 0 && <Answered evidence={why.evidence} />}
      {others.length > 0 && <Corrections pins={others} why={why} />}
      {(isByHand || unlog) && (
        <Wish why={why} own={unlog} verb="Was not meant to be logged" says={unlogSays} say={() => explanations.unlog(why.mail_id)} />
      )}
      {(split || why.rule !== 'unlogged') && (
        <Wish
          why={why}
          own={split}
          verb="This does not belong here"
          says={
            why.rule === 'root' || why.rule === 'contact'
              ? 'It would begin a conversation of its own, and stay on the timeline.'
              : splitSays
          }
          say={() => explanations.split(why.thread_id, why.mail_id)}
        />
      )}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus>
          Close
        </Button>
      </Group>
    </Stack>
  );
}

function Answered({ evidence }: { evidence: Evidence[] }) {
  const left = evidence.length - maxShown;
  return (
    <Stack gap={4}>
      <Title order={3} size="sm">
        What it answers, the nearest first
      </Title>
      <List size="sm" type="ordered" pr="md">
        {evidence.slice(0, maxShown).map((one, at) => (
          <List.Item key={at}>
            {whatOf(one)}{' '}
            {one.tracked && (
              <Badge variant="light" color="teal" tt="none">
                logged
              </Badge>
            )}
            {one.ended && one.ended !== 'tracked' && (
              <Text span size="sm" c="dimmed">
                {ends[one.ended]}
              </Text>
            )}
          </List.Item>
        ))}
      </List>
      {left > 0 && (
        <Text size="xs" c="dimmed">
          And {several(left, 'earlier mail')}.
        </Text>
      )}
    </Stack>
  );
}

const ends: Record<Exclude<NonNullable<Evidence['ended']>, 'tracked'>, string> = {
  split: 'Somebody took it out of the conversation: what came before does not count.',
  cut_subject: 'It went to other people under another subject: what came before does not count.',
  not_quoting: 'It went to other people and quotes nothing: what came before does not count.',
  text_unread: 'It went to other people. Whether it quotes what it answers is being looked at.',
};

/** Of mail that is not logged nothing is known here but that it is there. */
function whatOf({ mail, mail_id: id, tracked }: Evidence): string {
  if (mail) return headOf(mail);
  if (tracked) return 'A mail that is on no timeline.';
  return id === null ? 'A mail that no connected mailbox has.' : 'A mail of a connected mailbox that is not logged.';
}

const headOf = ({ subject, from, occurred_at: at }: MailHead) => `“${subject || 'No subject'}” of ${nameOf(from)}, ${shortTime(at)}`;

/** What people said of other mails here, each to be taken back. */
function Corrections({ pins, why }: { pins: Pin[]; why: Explanation }) {
  const undo = useUndo(why.mail_id);
  return (
    <Stack gap="xs">
      <Title order={3} size="sm">
        Corrected by hand
      </Title>
      {undo.error && <Alert color="red">{undo.error.message}</Alert>}
      {pins.map((pin) => (
        <Group key={pin.pin_id} justify="space-between" gap="xs">
          <Text size="sm" flex={1} miw={180}>
            {saidBy(pin, why.mail_id)}, {shortTime(pin.made_at)}
          </Text>
          <Button
            size="xs"
            variant="default"
            aria-label={`Undo: ${saidBy(pin, why.mail_id)}`}
            loading={undo.isPending && undo.variables === pin.pin_id}
            onClick={() => undo.mutate(pin.pin_id)}
          >
            Undo
          </Button>
        </Group>
      ))}
    </Stack>
  );
}

function saidBy({ kind, mail, mail_id: id, into_mail: into }: Pin, ownId: string): string {
  const what = id === ownId ? 'This mail' : mail ? headOf(mail) : 'A mail';
  if (kind === 'unlog') return `${what} was not meant to be logged`;
  if (kind === 'split') return `${what} was taken out of this conversation`;
  return `${what} was put with ${into ? headOf(into) : 'another mail'}`;
}

interface WishProps {
  why: Explanation;
  /** What was said of this mail, if it was. */
  own: Pin | undefined;
  verb: string;
  /** What would come of it. */
  says: string;
  say: () => Promise<Pin>;
}

/** One thing to say of this mail, or to take back; one button in one place, so that the keyboard stays where it is. */
function Wish({ why, own, verb, says, say }: WishProps) {
  const refresh = useRefresh(why.mail_id);
  const wish = useMutation({ mutationFn: say, onSuccess: refresh });
  const undo = useUndo(why.mail_id);
  const error = wish.error ?? undo.error;
  const isPending = wish.isPending || undo.isPending;
  const act = () => {
    wish.reset();
    undo.reset();
    if (own) undo.mutate(own.pin_id);
    else wish.mutate();
  };
  return (
    <Stack gap="xs">
      {error && <Alert color="red">{error.message}</Alert>}
      <Group justify="space-between" gap="xs">
        <Text size="xs" c="dimmed" flex={1} miw={180}>
          {own ? undoSays(why, own) : says}
        </Text>
        <Button color={own ? 'brand' : 'red'} variant="light" aria-disabled={isPending} onClick={() => !isPending && act()}>
          {own ? 'Undo' : verb}
        </Button>
      </Group>
    </Stack>
  );
}

const splitSays = 'It would go off the timeline with its answers, and begin a conversation of its own. Undo brings it back within an hour.';

const unlogSays =
  'It would go off the timeline, with its answers, unless it answers a logged mail itself. Undo brings it back within an hour.';

function undoSays({ verdict, rule }: Explanation, { kind }: Pin): string {
  if (rule === 'forgotten') return 'It was off the timeline for over an hour and is forgotten here. Undo lets its answers in again.';
  if (verdict !== 'tracked') return 'Undo brings it back, with its answers, within an hour.';
  return kind === 'split'
    ? 'It has a conversation of its own.'
    : 'Somebody said that it was not meant to be logged. It is here all the same.';
}

function useUndo(mailId: string) {
  const refresh = useRefresh(mailId);
  return useMutation({ mutationFn: (pinId: string) => explanations.unpin(pinId), onSuccess: refresh });
}

/** The timeline follows by itself once the mail has gone or come back; the explanation is there at once. */
function useRefresh(mailId: string) {
  const data = useQueryClient();
  return () => {
    void data.invalidateQueries({ queryKey: ['timeline'] });
    return data.invalidateQueries({ queryKey: ['explanation', mailId] });
  };
}
