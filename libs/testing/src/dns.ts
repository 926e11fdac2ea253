// A DNS server that answers from a list of records, as the domains of senders publish them.
import dns2 from 'dns2';
import { freePort } from './ports.js';

export interface Dns {
  /** As a setting names it: 127.0.0.1:port. */
  readonly address: string;
  /** TXT records by name, in lower case; a name without any does not exist. May be changed at any time. */
  readonly txt: Map<string, string>;
  /** Set, every question is answered with SERVFAIL. */
  broken: boolean;
  stop(): Promise<void>;
}

export async function startDns(txt: Record<string, string> = {}): Promise<Dns> {
  const port = await freePort();
  const server = dns2.createServer({ udp: true, tcp: true, handle: (request, send) => void send(answer(dns, request)) });
  const dns = { txt: new Map(Object.entries(txt)), broken: false };
  const at = { port, address: '127.0.0.1' };
  await server.listen({ udp: at, tcp: at });
  return Object.assign(dns, {
    address: `127.0.0.1:${port}`,
    stop: async () => void (await server.close()),
  });
}

function answer({ txt, broken }: Pick<Dns, 'txt' | 'broken'>, request: dns2.Packet): dns2.Packet {
  const { Packet } = dns2;
  const response = Packet.createResponseFromRequest(request);
  const { name, type } = request.questions[0] as { name: string; type: number };
  const text = txt.get(name.toLowerCase());
  if (broken) response.header.rcode = Packet.RCODE.SERVFAIL;
  else if (text === undefined) response.header.rcode = Packet.RCODE.NXDOMAIN;
  else if (type === Packet.TYPE.TXT) {
    // A record is made of pieces of at most 255 bytes.
    const data = text.match(/.{1,250}/g) ?? [''];
    response.answers.push({ name, type, class: Packet.CLASS.IN, ttl: 60, data } as never);
  }
  return response;
}
