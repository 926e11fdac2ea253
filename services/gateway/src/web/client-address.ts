// The address of whoever asks, as the proxies tell it that stand before this server.
import { isIP } from 'node:net';
import { isIn, type Network } from '@rejoinder/runtime/outside';

/**
 * Of the addresses that X-Forwarded-For names the last one that is no proxy of ours: each proxy adds behind the others who has asked it, so what stands
 * before that is the asker's own word. Forwarded (RFC 7239) is not read: a proxy passes on as it came what it does not write itself, and a client would write it.
 */
export function clientOf(peer: string, forwardedFor: string | string[] | undefined, proxies: readonly Network[]): string {
  const told = String(forwardedFor ?? '').split(',');
  let client = peer;
  while (told.length > 0 && isIn(client, proxies)) {
    const before = addressIn(told.pop()!.trim());
    if (before === undefined) break;
    client = before;
  }
  return client;
}

/** Some proxies tell the port with it. */
function addressIn(text: string): string | undefined {
  const bare = /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(bare) ? bare : undefined;
}
