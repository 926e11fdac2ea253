// Which mail servers may be reached and trusted; settings that connections, sync and sending share.
import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { Fault } from '@rejoinder/base/fault';
import { optionalSetting, type Setting, type Values } from './config.js';

/** An address and its prefix length, as ipaddr.js reads a CIDR. */
export type Network = ReturnType<typeof ipaddr.parseCIDR>;

const defaultPorts = '993,143,465,587';

export const mailSettings = {
  mailCaFile: optionalSetting('REJOINDER_MAIL_CA_FILE', 'certificates (PEM) that are trusted beside the public ones, for own mail servers'),
  mailAllowedNetworks: listSetting(
    'REJOINDER_MAIL_ALLOWED_NETWORKS',
    'CIDRs that mail servers may be in beside public addresses',
    '',
    network,
  ),
  mailAllowedPorts: listSetting('REJOINDER_MAIL_ALLOWED_PORTS', 'ports that mail servers may be on', defaultPorts, port),
};

export type MailSettings = Values<typeof mailSettings>;

/** Made once at start: rules for addresses and ports, and the certificates that are trusted. */
export interface MailNetwork {
  networks: readonly Network[];
  ports: ReadonlySet<number>;
  /** TLS 1.2 at least; made once since reading all certificates takes milliseconds. */
  secureContext: SecureContext;
}

/** Reads the extra certificates and refuses, by the setting's name, where they cannot be read. */
export function openMailNetwork(settings: MailSettings): MailNetwork {
  const extra = settings.mailCaFile === undefined ? [] : [certificates(settings.mailCaFile)];
  const secureContext = createSecureContext({ ca: [...getCACertificates('default'), ...extra], minVersion: 'TLSv1.2' });
  return { networks: settings.mailAllowedNetworks, ports: new Set(settings.mailAllowedPorts), secureContext };
}

function certificates(path: string): string {
  try {
    const pem = readFileSync(path, 'utf8');
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  } catch {
    throw new Fault('invalid', 'SETTINGS', 'REJOINDER_MAIL_CA_FILE names a file that cannot be read.');
  }
  throw new Fault('invalid', 'SETTINGS', 'REJOINDER_MAIL_CA_FILE names a file without certificates in PEM.');
}

function network(text: string): Network | undefined {
  return ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : undefined;
}

function port(text: string): number | undefined {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 && number < 65_536 ? number : undefined;
}

/** A list joined by commas, each of which `read` takes. */
export function listSetting<T>(env: string, meaning: string, fallback: string, read: (text: string) => T | undefined): Setting<T[]> {
  const schema = z
    .string()
    .optional()
    .transform((value, context) => {
      const words = (value || fallback).split(',').flatMap((word) => word.trim() || []);
      const items = words.map(read).filter((item) => item !== undefined);
      if (items.length === words.length) return items;
      context.addIssue({ code: 'custom', message: 'must be a list joined by commas' });
      return z.NEVER;
    });
  return { env, meaning, schema };
}
