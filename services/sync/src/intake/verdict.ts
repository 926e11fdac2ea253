// Whether a mail that came to a logging address is a verified member's own, told from its header and from what its sender's domain proves.
import type { AuthenticateResult } from 'mailauth';
import { classify, isAutomatic } from '@rejoinder/mail/automatic';
import { allValues, type MailHeaders } from '@rejoinder/mail/headers';
import { decodeWords } from '../inbox/decode-words.js';
import { addressesOf } from '../inbox/observe.js';

/** Why a mail is held back, in the words of the error catalogue. */
export type HeldReason = 'not_a_member' | 'not_verified' | 'automatic' | 'no_sender_found' | 'no_contact';

/** Whose mail is held for these is nobody's we know: as much of it comes as its senders like. The others are of a member. */
export const reasonsOfStrangers: readonly HeldReason[] = ['not_a_member', 'not_verified', 'automatic'];

/** What the domain of From proves: that the mail is its own, nothing, or nothing yet since DNS did not answer. */
export type Proof = 'proved' | 'unproved' | 'unknown';

/**
 * DMARC passes. Where the domain publishes no DMARC record, a DKIM signature of its own does as well: it takes the domain's own key. SPF then does not: an
 * owner who has not said that it stands for From often lists hosts from which every other customer sends, too. A signature over a part of the body proves
 * nothing of the rest.
 */
export function proofOf({ dmarc, dkim }: Pick<AuthenticateResult, 'dmarc' | 'dkim'>): Proof {
  if (!dmarc) return 'unproved';
  const { result } = dmarc.status;
  const whole = dkim.results.filter(({ status }) => status.result === 'pass' && !status.underSized);
  if (result === 'pass')
    return dmarc.alignment.spf.result !== undefined || whole.some(({ status }) => status.aligned) ? 'proved' : 'unproved';
  if (result === 'none' && whole.some(({ status }) => status.aligned)) return 'proved';
  const isUnsure = result === 'temperror' || dkim.results.some(({ status }) => status.aligned && status.result === 'temperror');
  return isUnsure ? 'unknown' : 'unproved';
}

export interface Sender {
  headers: MailHeaders;
  /** Of the envelope; empty for a bounce. */
  envelopeFrom: string;
  proof: Proof;
  /** Whether an address, in lower case, is that of an inbox of the tenant. */
  isOwn: (key: string) => boolean;
}

/** Undefined where it is a verified member's own mail. The intake never answers by mail, so nothing that a machine sends here can go round in circles. */
export function heldFor({ headers, envelopeFrom, proof, isOwn }: Sender): HeldReason | undefined {
  if (envelopeFrom === '' || isAutomatic(classify(headers, decodeWords))) return 'automatic';
  const authors = addressesOf(headers, 'from');
  if (!authors.some(({ key }) => isOwn(key))) return 'not_a_member';
  // Of several authors a signature proves one at the most.
  const isOne = authors.length === 1 && allValues(headers, 'from').length === 1;
  return isOne && proof === 'proved' ? undefined : 'not_verified';
}
