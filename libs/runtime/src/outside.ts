// Whom outside a role may connect to: at which addresses and ports, and whose certificates are trusted; and the settings that say so.
import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import ipaddr from 'ipaddr.js';
import { Fault } from '@rejoinder/base/fault';
import { listSetting, optionalSetting, type Setting } from './config.js';

/** An address and its prefix length, as ipaddr.js reads a CIDR. */
export type Network = ReturnType<typeof ipaddr.parseCIDR>;

/** Made once at start: rules for addresses and ports, and the certificates that are trusted. */
export interface Outside {
  networks: readonly Network[];
  ports: ReadonlySet<number>;
  /** TLS 1.2 at least; made once since reading all certificates takes milliseconds. */
  secureContext: SecureContext;
}

/** CIDRs; none by default. */
export const networksSetting = (env: string, meaning: string): Setting<Network[]> =>
  listSetting(env, meaning, { fallback: '', read: network, said: 'CIDRs joined by commas, such as 10.0.0.7/32 for one address' });

export const portsSetting = (env: string, meaning: string, fallback: string): Setting<number[]> =>
  listSetting(env, meaning, { fallback, read: port, said: 'ports joined by commas' });

/** Name servers that are asked instead of those of this machine. */
export const nameServersSetting = (env: string, meaning: string): Setting<string | undefined> =>
  optionalSetting(env, meaning, {
    pattern: /^[\d.:[\]a-fA-F]+(,[\d.:[\]a-fA-F]+)*$/,
    said: 'addresses joined by commas, each with or without a port',
  });

/** Reads the extra certificates and refuses, by the setting's name, where they cannot be read. */
export function openOutside(networks: readonly Network[], ports: readonly number[], ca: { file?: string; setting: string }): Outside {
  return { networks, ports: new Set(ports), secureContext: trusting(ca) };
}

/** TLS 1.2 at least, by the public certificates and those of the file. */
export function trusting(ca: { file?: string | undefined; setting: string }): SecureContext {
  const extra = ca.file === undefined ? [] : [certificates(ca.file, ca.setting)];
  return createSecureContext({ ca: [...getCACertificates('default'), ...extra], minVersion: 'TLSv1.2' });
}

function certificates(path: string, setting: string): string {
  try {
    const pem = readFileSync(path, 'utf8');
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  } catch {
    throw new Fault('invalid', 'SETTINGS', `${setting} names a file that cannot be read.`);
  }
  throw new Fault('invalid', 'SETTINGS', `${setting} names a file without certificates in PEM.`);
}

function network(text: string): Network | undefined {
  return ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : undefined;
}

/** An IPv4 address in IPv6 clothes is judged as what it is. */
export function isIn(address: string, networks: readonly Network[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const plain = ipaddr.process(address);
  return networks.some((network) => network[0].kind() === plain.kind() && plain.match(network));
}

function port(text: string): number | undefined {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 && number < 65_536 ? number : undefined;
}
