// Asks the name service what a domain says of its mail servers, for three seconds at the most.
import type { MxRecord } from 'node:dns';
import type { Resolver } from 'node:dns/promises';
import { Inject, Injectable } from '@nestjs/common';
import { delay } from '@rejoinder/base/wait';
import { askAddresses, askMs, openResolver } from '@rejoinder/runtime/host';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { ConnectionsSettings } from '../config.js';
import { services, usualNames, type DomainFacts, type Service, type Target } from './discover.js';

const maxExchangers = 20;

@Injectable()
export class DnsClient {
  constructor(@Inject(SETTINGS) private readonly settings: ConnectionsSettings) {}

  /** What was answered in time; a name that does not answer counts as not there. */
  async factsOf(domain: string): Promise<DomainFacts> {
    const resolver = openResolver(this.settings.nameServers);
    const facts: DomainFacts = { exchangers: [], hosts: [], targets: {} };
    const answers = [
      unlessMissing(resolver.resolveMx(domain), (found) => facts.exchangers.push(...inOrder(found).map(({ exchange }) => exchange))),
      ...services.map((service) => target(resolver, service, domain, facts.targets)),
      ...usualNames.map((name) => existing(resolver, `${name}.${domain}`, facts.hosts)),
    ];
    await Promise.race([Promise.all(answers), delay(askMs)]);
    resolver.cancel();
    return { exchangers: [...facts.exchangers], hosts: [...facts.hosts], targets: { ...facts.targets } };
  }

  /** All addresses of a host; none where it is not there. */
  addressesOf = (host: string): Promise<string[]> => askAddresses(host, this.settings.nameServers);
}

const inOrder = (found: MxRecord[]) => found.sort((one, other) => one.priority - other.priority).slice(0, maxExchangers);

/** The target with the lowest priority, of these the heaviest (RFC 2782). */
async function target(resolver: Resolver, service: Service, domain: string, targets: Partial<Record<Service, Target>>): Promise<void> {
  await unlessMissing(resolver.resolveSrv(`${service}._tcp.${domain}`), (found) => {
    const [first] = found.sort((one, other) => one.priority - other.priority || other.weight - one.weight);
    if (first) targets[service] = { host: first.name.toLowerCase().replace(/\.$/, ''), port: first.port };
  });
}

async function existing(resolver: Resolver, host: string, hosts: string[]): Promise<void> {
  const add = () => {
    if (!hosts.includes(host)) hosts.push(host);
  };
  await Promise.all([unlessMissing(resolver.resolve4(host), add), unlessMissing(resolver.resolve6(host), add)]);
}

/** Every refusal of a name service means the same here: nothing is known. */
async function unlessMissing<T>(answer: Promise<T>, found: (value: T) => void): Promise<void> {
  await answer.then(found, () => undefined);
}
