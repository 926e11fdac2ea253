// What delivery reports say became of a mail, a line for each recipient.
import { Alert, Text } from '@mantine/core';
import type { Delivery, Engagement } from './api.js';

const words: Record<Delivery['outcome'], (address: string) => string> = {
  hard_bounce: (address) => `Not delivered to ${address}: the address takes no mail.`,
  soft_bounce: (address) => `Not delivered to ${address}: it may take mail at another time.`,
  unclear: (address) => `There is a delivery report for ${address}; read what it says.`,
  delayed: (address) => `Not yet delivered to ${address}: the mail server is still trying.`,
  delivered: (address) => `Delivered to ${address}.`,
};
const gravity = Object.keys(words);
const colors: Record<Delivery['outcome'], string> = {
  hard_bounce: 'red',
  soft_bounce: 'orange',
  unclear: 'gray',
  delayed: 'yellow',
  delivered: 'green',
};

/** Of a report its own; of mail out those of the reports about it, each recipient once, the gravest first. */
export function deliveriesOf(mail: Engagement, mails: readonly Engagement[]): Delivery[] {
  const about = ({ kind, about_message_id: id }: Engagement) => kind === 'delivery_report' && id !== '' && id === mail.message_id;
  const told = mail.direction === 'out' ? mails.filter(about).flatMap(({ deliveries }) => deliveries) : mail.deliveries;
  const sorted = told.toSorted((one, other) => gravity.indexOf(one.outcome) - gravity.indexOf(other.outcome));
  return sorted.filter(({ address }, at) => sorted.findIndex((one) => one.address === address) === at);
}

export function Deliveries({ of }: { of: readonly Delivery[] }) {
  const [gravest] = of;
  if (!gravest) return null;
  return (
    <Alert color={colors[gravest.outcome]} variant="light" py="xs" role="status">
      {of.map(({ address, outcome, status }) => (
        <Text key={address} size="sm" style={{ overflowWrap: 'anywhere' }}>
          {words[outcome](address || 'a recipient')}
          {status && (
            <Text span size="xs" c="dimmed">
              {' '}
              ({status})
            </Text>
          )}
        </Text>
      ))}
    </Alert>
  );
}
