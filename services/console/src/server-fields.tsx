// What is typed of one mail server: host, port and encryption.
import { Group, NumberInput, Select, TextInput } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import type { Server } from './api.js';

type Servers = Record<'imap' | 'smtp', Server>;

interface ServerFieldsProps {
  label: string;
  name: keyof Servers;
  getInputProps: UseFormReturnType<Servers>['getInputProps'];
  /** A host was typed. */
  onTyped?: () => void;
}

export function ServerFields({ label, name, getInputProps, onTyped = () => undefined }: ServerFieldsProps) {
  const host = getInputProps(`${name}.host`);
  return (
    <Group align="flex-start" gap="xs" role="group" aria-label={`${name.toUpperCase()} server`}>
      <TextInput
        label={label}
        placeholder={`${name}.example.com`}
        style={{ flex: '1 1 220px' }}
        {...host}
        onChange={(event) => {
          onTyped();
          host.onChange(event);
        }}
      />
      <NumberInput label="Port" w={92} min={1} max={65_535} hideControls {...getInputProps(`${name}.port`)} />
      <Select
        label="Encryption"
        w={132}
        allowDeselect={false}
        data={[
          { value: 'tls', label: 'TLS' },
          { value: 'starttls', label: 'STARTTLS' },
        ]}
        {...getInputProps(`${name}.security`)}
      />
    </Group>
  );
}
