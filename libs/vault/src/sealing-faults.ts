// The refusals of everything sealed; none of them says more than which place it was about.
import { Fault } from '@rejoinder/base/fault';
import type { KeyName } from './place.js';

/** Changed, cut, or brought from another place: nothing of it is shown. */
export function sealBroken(): Fault {
  return new Fault('broken', 'SEAL_BROKEN', 'What is stored was changed, cut short, or belongs to another row: it does not open.');
}

/** The key was shredded with its day or died with its tenant: nobody can open it any more. */
export function keyGone({ purpose, day }: Pick<KeyName, 'purpose' | 'day'>): Fault {
  return new Fault('gone', 'KEY_GONE', `The key of ${purpose} for ${day === 'infinity' ? 'this tenant' : day} is gone.`);
}

export function tooLarge(what: string, limitBytes: number): Fault {
  return new Fault('too_large', 'SEAL_TOO_LARGE', `${what} is sealed up to ${limitBytes} bytes.`);
}
