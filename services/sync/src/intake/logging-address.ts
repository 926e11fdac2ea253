// What a logging address looks like: as many random bits as nobody guesses, at the domain of the setting.
import { randomBytes } from 'node:crypto';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
/** Of 5 bits each. */
const characters = 20;
const shape = new RegExp(`^[${alphabet}]{${characters}}$`);

/** 100 random bits, in letters and figures that are not mistaken for each other. */
export function newLocalPart(): string {
  return [...randomBytes(characters)].map((byte) => alphabet[byte % alphabet.length]).join('');
}

/** The local part of what may be a logging address, in the form that is stored; undefined for any other address. */
export function localPartOf(address: string, domain: string): string | undefined {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, at).toLowerCase();
  return at > 0 && address.slice(at + 1).toLowerCase() === domain.toLowerCase() && shape.test(local) ? local : undefined;
}

/** Which addresses are logging addresses, where the house has a domain for them. */
export const loggingAddresses =
  (domain: string | undefined) =>
  (address: string): boolean =>
    domain !== undefined && localPartOf(address, domain) !== undefined;
