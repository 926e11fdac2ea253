// Asks the name service which mail servers a domain may have, for three seconds at the most.
import { Resolver } from 'node:dns/promises';
import { Injectable } from '@nestjs/common';
import { delay } from '@rejoinder/base/wait';
import { usualNames, type DomainFacts } from './discover.js';

const limitMs = 3_000;
const maxExchangers = 20;

@Injectable()
export class DnsClient {
  /** What was answered in time; a name that does not answer counts as not there. */
  async factsOf(domain: string): Promise<DomainFacts> {
    const resolver = new Resolver({ timeout: limitMs, tries: 1 });
    const facts: DomainFacts = { exchangers: [], hosts: [] };
    const answers = [
      unlessMissing(resolver.resolveMx(domain), (found) =>
        facts.exchangers.push(...found.slice(0, maxExchangers).map((one) => one.exchange)),
      ),
      ...usualNames.map((name) => existing(resolver, `${name}.${domain}`, facts.hosts)),
    ];
    await Promise.race([Promise.all(answers), delay(limitMs)]);
    resolver.cancel();
    return { exchangers: [...facts.exchangers], hosts: [...facts.hosts] };
  }
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
