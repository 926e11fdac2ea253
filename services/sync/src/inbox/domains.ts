// The domains of people, each with those above it down to two labels: what an entry of a never-log list may name.

const maxDomains = 1_000;
/** A name has at most 127 labels (RFC 1035); a longer one is none. */
const maxLabels = 127;

/** Takes addresses in lower case. Each domain once, at most 1,000. */
export function domainsOf(addresses: readonly string[]): string[] {
  const domains = new Set<string>();
  for (const address of addresses) {
    let domain = address.slice(address.lastIndexOf('@') + 1);
    for (let labels = 0; labels < maxLabels && domain.includes('.') && !domains.has(domain); labels++) {
      if (domains.size >= maxDomains) return [...domains];
      domains.add(domain);
      domain = domain.slice(domain.indexOf('.') + 1);
    }
  }
  return [...domains];
}
