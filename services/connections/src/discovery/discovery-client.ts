// Finds the servers of an address: by our table, else by what its domain tells of itself, and only such as may be connected to.
import { Inject, Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import { checkServer } from '@rejoinder/runtime/mail-host';
import { openMailNetwork, type MailNetwork } from '@rejoinder/runtime/mail-settings';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { ConnectionsSettings } from '../config.js';
import { FairSlots } from '../fair-slots.js';
import { domainOf } from '../login/login.js';
import { AutoconfigClient } from './autoconfig-client.js';
import { domainsOfExchanger, guessByProvider, guessesByFacts, isKnown, type Guess } from './discover.js';
import { DnsClient } from './dns-client.js';

/** Domains that are asked of their servers at once in this process. */
const domainsAtOnce = 50;

@Injectable()
export class DiscoveryClient {
  readonly #network: MailNetwork;
  readonly #slots = new FairSlots(domainsAtOnce);

  constructor(
    @Inject(SETTINGS) settings: ConnectionsSettings,
    private readonly dns: DnsClient,
    private readonly autoconfig: AutoconfigClient,
  ) {
    this.#network = openMailNetwork(settings);
  }

  /** Undefined where they have to be typed; refuses where no server of the domain can be used, or the tenant asks of too many at once. */
  async serversOf(tenantId: string, address: string): Promise<Guess | undefined> {
    const domain = domainOf(address);
    const known = guessByProvider(domain);
    return known ? this.#best([known]) : this.#slots.through(tenantId, async () => this.#best(await this.#guesses(address, domain)));
  }

  async #best(guesses: (Guess | Fault)[]): Promise<Guess | undefined> {
    for (const guess of guesses) {
      if (guess instanceof Fault) throw guess;
      if (isKnown(guess) || (await this.#mayConnect(guess))) return guess;
    }
    return undefined;
  }

  async #guesses(address: string, domain: string): Promise<(Guess | Fault)[]> {
    const asked = [this.autoconfig.fileOf(address, domain), this.autoconfig.listedOf(address, [domain])] as const;
    const [told, autoconfig, listed] = await Promise.all([this.dns.factsOf(domain), ...asked]);
    const facts = { ...told, autoconfig, listed };
    const guesses = guessesByFacts(domain, facts);
    if (guesses.some((guess) => guess instanceof Fault || guess.source !== 'names')) return guesses;
    const exchangerListed = await this.autoconfig.listedOf(address, domainsOfExchanger(domain, facts));
    return guessesByFacts(domain, { ...facts, exchangerListed });
  }

  /** What a stranger's name service or file names is looked at as if a person had typed it. */
  async #mayConnect({ imap, smtp }: Guess): Promise<boolean> {
    try {
      await Promise.all([imap, smtp].map((server) => checkServer(server, this.#network, this.dns.addressesOf)));
      return true;
    } catch (error) {
      if (error instanceof Fault) return false;
      throw error;
    }
  }
}
