// One line of text to be taken along: shown whole, and copied by a button.
import { Button, Code, CopyButton, Group } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';

export function CopyLine({ label, value }: { label: string; value: string }) {
  return (
    <Group wrap="nowrap" justify="space-between">
      <Code style={{ overflowWrap: 'anywhere' }} aria-label={label}>
        {value}
      </Code>
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <Button
            size="xs"
            color={copied ? 'teal' : undefined}
            leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            onClick={copy}
            style={{ flex: 'none' }}
          >
            {copied ? 'Copied' : 'Copy'}
          </Button>
        )}
      </CopyButton>
    </Group>
  );
}
