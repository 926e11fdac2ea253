// The settings of one mailbox: what is read of it, which folders are looked at, how far back, and whether attachments are kept.
import {
  Alert,
  Button,
  Checkbox,
  Fieldset,
  Group,
  Modal,
  Select,
  Skeleton,
  Stack,
  Switch,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Inbox, type InboxSettings, type ListedFolder } from './api.js';
import { CaptureChoice, fromNowOn, SinceChoice, sinceOf } from './capture-choice.js';
import { several } from './format.js';
import { Trouble } from './trouble.js';

interface Props {
  inbox: Inbox;
  opened: boolean;
  onClose: () => void;
  /** Once the dialog is out of sight. */
  onClosed: () => void;
}

export function InboxSettingsDialog({ inbox, opened, onClose, onClosed }: Props) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={`Settings of ${inbox.address}`}
      size="lg"
      returnFocus={false}
      onExitTransitionEnd={onClosed}
    >
      <SettingsForm inbox={inbox} close={onClose} />
    </Modal>
  );
}

/** Begins anew each time the dialog is opened. */
function SettingsForm({ inbox, close }: { inbox: Inbox; close: () => void }) {
  const data = useQueryClient();
  const [values, setValues] = useState<InboxSettings>(inbox.settings);
  const [since, setSince] = useState(fromNowOn);
  const set = (changed: Partial<InboxSettings>) => setValues((before) => ({ ...before, ...changed }));
  const save = useMutation({
    mutationFn: () => {
      const { capture_since: _kept, ...rest } = values;
      return api.changeInbox(inbox.inbox_id, { ...rest, ...(values.capture === 'all' ? { capture_since: sinceOf(since) } : {}) });
    },
    onSuccess: () => {
      notifications.show({ message: `The settings of ${inbox.address} are kept.` });
      void data.invalidateQueries({ queryKey: ['inboxes'] });
      close();
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Stack>
        <CaptureChoice label="What is read" value={values.capture} onChange={(capture) => set({ capture })} />
        {values.capture === 'all' && inbox.settings.capture !== 'all' && <SinceChoice value={since} onChange={setSince} />}
        <FolderChoice inbox={inbox} chosen={values.folders} onChange={(folders) => set({ folders })} />
        <Select
          label="How far back"
          description="Headers of mail that was there before. More is read at once; less takes nothing away."
          allowDeselect={false}
          value={String(values.history_days)}
          onChange={(days) => set({ history_days: Number(days) })}
          data={reaches(values.history_days)}
        />
        <TextInput
          label="Log folder"
          description="Mail that you move or copy into this folder is logged."
          placeholder="None"
          maxLength={255}
          value={values.log_folder}
          onChange={(event) => set({ log_folder: event.currentTarget.value })}
        />
        <TagsInput
          label="Other addresses of this mailbox"
          description="Aliases and addresses that it sends as. They are your own: mail to and from them makes no contact."
          placeholder="sales@example.com"
          maxTags={20}
          splitChars={[',', ' ', ';']}
          value={values.own_addresses}
          onChange={(own_addresses) => set({ own_addresses })}
        />
        <Switch
          label="Keep attachments of logged mail"
          checked={values.attachments}
          onChange={(event) => set({ attachments: event.currentTarget.checked })}
        />
        {save.error && <Alert color="red">{save.error.message}</Alert>}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

const days = [7, 30, 90, 365];

function reaches(current: number) {
  const all = [...new Set([...days, ...(current > 0 ? [current] : [])])].toSorted((one, other) => one - other);
  return [...all.map((one) => ({ value: String(one), label: several(one, 'day') })), { value: '0', label: 'Everything' }];
}

/** None chosen is the usual choice; the first tick turns what is looked at now into a choice of one's own. */
function FolderChoice({ inbox, chosen, onChange }: { inbox: Inbox; chosen: string[]; onChange: (folders: string[]) => void }) {
  const asked = useQuery({ queryKey: ['folders', inbox.inbox_id], queryFn: () => api.folders(inbox.inbox_id), retry: false });
  const folders = asked.data?.folders ?? [];
  const isChosen = (folder: ListedFolder) => folder.always || (chosen.length > 0 ? chosen.includes(folder.path) : folder.looked_at);
  const toggle = (folder: ListedFolder) => {
    const before = folders.filter((one) => !one.always && isChosen(one)).map(({ path }) => path);
    const next = before.includes(folder.path) ? before.filter((path) => path !== folder.path) : [...before, folder.path];
    // None at all is the usual choice: what is always looked at stands for nothing else.
    onChange(next.length > 0 ? next : folders.filter(({ always }) => always).map(({ path }) => path));
  };
  return (
    <Fieldset legend="Folders that are looked at">
      <Stack gap="xs">
        {asked.isPending && <Skeleton h={60} aria-label="Loading" />}
        {asked.error && <Trouble error={asked.error} again={asked.refetch} />}
        {asked.data && folders.length === 0 && (
          <Text size="sm" c="dimmed">
            They are known once the mailbox has been signed in to.
          </Text>
        )}
        <Stack gap={6} mah={220} style={{ overflowY: 'auto' }}>
          {folders.map((folder) => (
            <Checkbox
              key={folder.path}
              size="sm"
              label={folder.mails === null ? folder.path : `${folder.path} (${several(folder.mails, 'mail')})`}
              checked={isChosen(folder)}
              disabled={folder.always}
              onChange={() => toggle(folder)}
            />
          ))}
        </Stack>
        {chosen.length > 0 && (
          <Group>
            <Button size="xs" variant="subtle" onClick={() => onChange([])}>
              The usual folders again
            </Button>
          </Group>
        )}
        <Text size="xs" c="dimmed">
          A folder that is left out is not looked at; what is on timelines stays.
        </Text>
      </Stack>
    </Fieldset>
  );
}
