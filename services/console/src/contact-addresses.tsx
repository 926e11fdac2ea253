// The other addresses of a contact: shown, added, which may make one of two contacts, and removed.
import { ActionIcon, Alert, Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus, IconX } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type FormEvent } from 'react';
import type { Contact } from './api.js';
import { ConfirmDialog } from './confirm-dialog.js';
import { addAddress, otherWith, removeAddress } from './contact-calls.js';
import { nameOf, several } from './format.js';

export function ContactAddresses({ contact }: { contact: Contact }) {
  const [adding, add] = useDisclosure();
  const [removing, remove] = useDisclosure();
  const [asked, setAsked] = useState('');
  const addButton = useRef<HTMLButtonElement>(null);
  const taken = useTaken();
  return (
    <Stack gap={2} align="flex-start" miw={0}>
      {contact.other_addresses.map((address) => (
        <Group key={address} gap={4} wrap="nowrap" miw={0}>
          <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {address}
          </Text>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove ${address}`}
            onClick={() => {
              setAsked(address);
              remove.open();
            }}
          >
            <IconX size={14} />
          </ActionIcon>
        </Group>
      ))}
      <Button ref={addButton} variant="subtle" size="compact-xs" ml={-8} leftSection={<IconPlus size={14} />} onClick={add.open}>
        Add address
      </Button>
      <AddDialog contact={contact} opened={adding} onClose={add.close} onAdded={taken} />
      <ConfirmDialog
        opened={removing}
        onClose={remove.close}
        onClosed={() => addButton.current?.focus()}
        title={`Remove ${asked}?`}
        verb="Remove it"
        act={async () => taken(await removeAddress(contact.contact_id, asked))}
      >
        What stands on this timeline stays. Later mail of this address goes to a contact of its own.
      </ConfirmDialog>
    </Stack>
  );
}

interface AddProps {
  contact: Contact;
  opened: boolean;
  onClose: () => void;
  onAdded: (contact: Contact) => void;
}

/** Adds at once an address that is nobody's; of somebody's it tells first whose, and what would become of them. */
function AddDialog({ contact, opened, onClose, onAdded }: AddProps) {
  const [address, setAddress] = useState('');
  const looking = useMutation({ mutationFn: () => otherWith(address.trim(), contact) });
  const adding = useMutation({ mutationFn: () => addAddress(contact.contact_id, address.trim()), onSuccess: onAdded });
  const reset = () => {
    looking.reset();
    adding.reset();
  };
  const close = () => {
    setAddress('');
    reset();
    onClose();
  };
  const other = looking.data;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!other && (await looking.mutateAsync())) return;
    await adding.mutateAsync();
    close();
  };
  const error = looking.error ?? adding.error;
  return (
    <Modal opened={opened} onClose={close} title={`Another address of ${nameOf(contact)}`}>
      {/* What is refused is shown below. */}
      <form onSubmit={(event) => void submit(event).catch(() => undefined)}>
        <Stack>
          <TextInput
            label="Address"
            description="Mail from and to it stands on this timeline from now on."
            type="email"
            required
            maxLength={320}
            value={address}
            onChange={(event) => {
              setAddress(event.currentTarget.value);
              reset();
            }}
            data-autofocus
          />
          <div role="status">
            {other && (
              <Alert color="yellow" title={`${nameOf(other)} has this address`}>
                {`${nameOf(other)} (${[other.address, several(other.engagements, 'mail')].join(', ')}) becomes one with ${nameOf(contact)}: all of it moves to this timeline. This cannot be undone.`}
              </Alert>
            )}
          </div>
          {error && (
            <Alert color="red" role="alert">
              {error.message}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" color={other ? 'red' : undefined} loading={looking.isPending || adding.isPending}>
              {other ? 'Make them one' : 'Add address'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** Shows what the contact is from now on. */
function useTaken() {
  const data = useQueryClient();
  return (contact: Contact) => {
    data.setQueryData(['contact', contact.contact_id], contact);
    for (const name of ['contacts', 'timeline']) void data.invalidateQueries({ queryKey: [name] });
  };
}
