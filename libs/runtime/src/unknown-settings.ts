// Names what looks like a setting of ours and is none: most often one that was mistyped, which would else be as if it had not been set.
import type { Environment } from './config.js';

const prefix = 'REJOINDER_';
const maxNamed = 20;
const maxShown = 80;
/** A name is taken for another if at most every third letter differs. */
const lettersPerSlip = 3;

/**
 * What Kubernetes sets for each Service in a pod's namespace (and Docker for linked containers): of one called rejoinder-gateway
 * REJOINDER_GATEWAY_SERVICE_HOST, REJOINDER_GATEWAY_PORT=tcp://… and so on.
 */
const ofService = /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;
const portOfService = /^(tcp|udp|sctp):\/\//;

/** A sentence for each, with the nearest name that there is; values are not told. */
export function unknownSettings(env: Environment, known: ReadonlySet<string>): string[] {
  const unknown = Object.keys(env).filter((name) => name.startsWith(prefix) && !known.has(name) && !isOfService(name, env[name]));
  return unknown
    .sort()
    .slice(0, maxNamed)
    .map((name) => {
      const nearest = nearestOf(name.slice(0, maxShown), known);
      return `There is no setting ${name.slice(0, maxShown)}: it does nothing.${nearest ? ` Is ${nearest} meant?` : ' See rejoinder settings.'}`;
    });
}

function isOfService(name: string, value: string | undefined): boolean {
  return ofService.test(name) || (name.endsWith('_PORT') && portOfService.test(value ?? ''));
}

function nearestOf(name: string, known: ReadonlySet<string>): string | undefined {
  const own = name.slice(prefix.length);
  let nearest: string | undefined;
  let least = Math.floor(own.length / lettersPerSlip) + 1;
  for (const one of known) {
    const slips = slipsBetween(own, one.slice(prefix.length));
    if (slips < least) [nearest, least] = [one, slips];
  }
  return nearest;
}

/** Letters to be changed, put in or left out (Levenshtein's distance), row by row. */
function slipsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 1; at <= one.length; at++) {
    const next = [at];
    for (let to = 1; to <= other.length; to++)
      next[to] = Math.min(row[to]! + 1, next[to - 1]! + 1, row[to - 1]! + (one[at - 1] === other[to - 1] ? 0 : 1));
    row = next;
  }
  return row[other.length]!;
}
