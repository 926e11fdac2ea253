// What a delivery report says of a send: of its recipients alone, and of each the gravest.
import type { Delivery } from '@rejoinder/contracts/mail';
import { parseSendMark } from '@rejoinder/mail/send-mark';

/** The later, the graver: so what is known does not hang on which report came first, and a report that comes twice says nothing new. */
export const gravity = ['unclear', 'delayed', 'delivered', 'soft_bounce', 'hard_bounce'];

export interface RecipientReport {
  recipientHash: Buffer;
  /** Empty where the report names nobody. */
  address: string;
  outcome: string;
  status: string;
}

type Reported = Pick<Delivery, 'address' | 'originalAddress' | 'outcome' | 'status'>;

/** The send that a Message-ID names. It proves nothing: the caller compares it with the one of that send, whose signature nobody guesses. */
export function sendNamedBy(messageId: string): string | undefined {
  return parseSendMark(messageId.slice(0, messageId.lastIndexOf('@')))?.sendId;
}

/** Takes what a report says and whom the send was written to. Of an address that the mail went on to from there, the one that it was written to counts. */
export function reportsOf(
  deliveries: readonly Reported[],
  recipients: readonly Uint8Array[],
  hash: (address: string) => Buffer,
): RecipientReport[] {
  const known = new Map(recipients.map((one) => [Buffer.from(one).toString('hex'), Buffer.from(one)]));
  const found = deliveries.flatMap(({ address, originalAddress, outcome, status }): RecipientReport[] => {
    const named = [originalAddress, address].filter((one) => one !== '');
    const told = { outcome: gravity.includes(outcome) ? outcome : 'unclear', status };
    if (named.length === 0) return known.size === 1 ? [{ recipientHash: [...known.values()][0]!, address: '', ...told }] : [];
    const ours = named.map((one) => ({ address: one, recipientHash: known.get(hash(one).toString('hex')) }));
    return ours.flatMap(({ address: one, recipientHash }) => (recipientHash ? [{ recipientHash, address: one, ...told }] : [])).slice(0, 1);
  });
  return gravest(found, ({ recipientHash }) => recipientHash.toString('hex'));
}

/** Of those with one key the gravest, and of several such the first. */
export function gravest<Report extends Pick<RecipientReport, 'outcome'>>(
  reports: readonly Report[],
  keyOf: (one: Report) => string,
): Report[] {
  const kept = new Map<string, Report>();
  for (const one of reports) {
    const other = kept.get(keyOf(one));
    if (!other || gravity.indexOf(one.outcome) > gravity.indexOf(other.outcome)) kept.set(keyOf(one), one);
  }
  return [...kept.values()];
}
