// Asks a domain for its own autoconfig file, and Thunderbird's database for that of a domain: by HTTPS alone, at checked addresses, within seconds.
import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import { ask, openPlace, portOf } from '@rejoinder/runtime/https';
import { openMailNetwork, type MailNetwork } from '@rejoinder/runtime/mail-settings';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { ConnectionsSettings } from '../config.js';
import { readAutoconfig, type Autoconfig } from './autoconfig.js';
import { DnsClient } from './dns-client.js';

const limitMs = 4_000;
/** The largest of Mozilla's database of providers has 5.6 kB. It is parsed in one go: 20 kB made to be slow take 40 ms, 100 kB took ten times that. */
const maxBytes = 20_000;
const maxRedirects = 3;

@Injectable()
export class AutoconfigClient {
  readonly #network: MailNetwork;

  constructor(
    @Inject(SETTINGS) private readonly settings: ConnectionsSettings,
    private readonly dns: DnsClient,
  ) {
    this.#network = openMailNetwork(settings);
  }

  /** Undefined where the domain has none that can be read in time. */
  async fileOf(address: string, domain: string): Promise<Autoconfig | undefined> {
    const { autoconfigPort: port } = this.settings;
    return port === 0 ? undefined : this.#first(placesOf(address, domain, port), port, address);
  }

  /** What the database has of the first of these domains that it knows. Nobody's address is told to it. */
  async listedOf(address: string, domains: readonly string[]): Promise<Autoconfig | undefined> {
    const { ispdbUrl } = this.settings;
    if (ispdbUrl === 'off') return undefined;
    const places = domains.map((domain) => new URL(encodeURIComponent(domain), ispdbUrl));
    return this.#first(places, portOf(new URL(ispdbUrl)), address);
  }

  /** All are asked at once; the first place counts of those that have a file. */
  async #first(places: readonly URL[], port: number, address: string): Promise<Autoconfig | undefined> {
    const signal = AbortSignal.timeout(limitMs);
    const network = { ...this.#network, ports: new Set([port]) };
    const asked = places.map((place) => this.#file(place, network, signal));
    for (const text of await Promise.all(asked)) {
      const file = text === undefined ? undefined : readAutoconfig(text, address);
      if (file) return file;
    }
    return undefined;
  }

  /** Follows redirects, each to be checked as if it were the first. */
  async #file(place: URL, network: MailNetwork, signal: AbortSignal): Promise<string | undefined> {
    let at = place;
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const answer = await this.#get(at, network, signal);
      if (answer?.location === undefined) return answer?.text;
      if (!URL.canParse(answer.location, at.href)) return undefined;
      at = new URL(answer.location, at);
      if (at.protocol !== 'https:') return undefined;
    }
    return undefined;
  }

  async #get(at: URL, network: MailNetwork, signal: AbortSignal): Promise<Answer | undefined> {
    try {
      const place = await openPlace(at, network, this.dns.addressesOf);
      try {
        return await answerOf(await ask(place, { method: 'GET', headers: { accept: 'text/xml' }, signal }));
      } finally {
        place.agent.destroy();
      }
    } catch (error) {
      // Whatever a stranger's server does means that it has no file for us; a host that may not be asked is one of these.
      if (error instanceof Fault || error instanceof Error) return undefined;
      throw error;
    }
  }
}

interface Answer {
  text?: string;
  location?: string;
}

function placesOf(address: string, domain: string, port: number): URL[] {
  const known = new URL(`https://autoconfig.${domain}:${port}/mail/config-v1.1.xml`);
  known.searchParams.set('emailaddress', address);
  return [known, new URL(`https://${domain}:${port}/.well-known/autoconfig/mail/config-v1.1.xml`)];
}

async function answerOf(response: IncomingMessage): Promise<Answer | undefined> {
  const { statusCode: status = 0, headers } = response;
  if (status === 200) return { text: await bounded(response) };
  return status >= 300 && status < 400 ? { location: headers.location } : undefined;
}

/** Undefined where it is longer than any such file. */
async function bounded(response: AsyncIterable<Buffer>): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response) {
    size += part.length;
    if (size > maxBytes) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
