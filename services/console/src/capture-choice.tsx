// What is read of a mailbox's mail: the choice, in plain words of what will be read.
import { Radio, Select, Stack } from '@mantine/core';

export type Capture = 'tracked' | 'all';

interface Props {
  label: string;
  value: Capture;
  onChange: (value: Capture) => void;
}

export function CaptureChoice({ label, value, onChange }: Props) {
  return (
    <Radio.Group label={label} value={value} onChange={(next) => onChange(next as Capture)}>
      <Stack gap="xs" mt={6}>
        <Radio
          value="tracked"
          label="Conversations of the CRM"
          description="Read is what was sent from here or logged by hand, and what answers it. Nothing else."
        />
        <Radio
          value="all"
          label="All mail with contacts"
          description="Read is every mail from or to somebody who is a contact, also what was never sent from here. Mail of others, newsletters and lists is not read."
        />
      </Stack>
    </Radio.Group>
  );
}

const dayMs = 86_400_000;
export const fromNowOn = '0';

/** How far all mail with contacts reaches back, in days. */
export function SinceChoice({ value, onChange }: { value: string; onChange: (days: string) => void }) {
  return (
    <Select
      label="Mail that is there already"
      description="Headers are kept for 60 days; older mail cannot be taken."
      allowDeselect={false}
      value={value}
      onChange={(days) => onChange(days ?? fromNowOn)}
      data={[
        { value: fromNowOn, label: 'None: only what comes from now on' },
        { value: '7', label: 'Of the last 7 days' },
        { value: '30', label: 'Of the last 30 days' },
        { value: '59', label: 'Of the last 59 days' },
      ]}
    />
  );
}

export function sinceOf(days: string): string | undefined {
  return days === fromNowOn ? undefined : new Date(Date.now() - Number(days) * dayMs).toISOString();
}
