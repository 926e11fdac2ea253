// A real name service of a few domains for tests: answers by UDP on a port of 127.0.0.1.
import { createServer, Packet, type DnsHandler } from 'dns2';
import { freePort } from './ports.js';

/** What is told of one name; a name that is not there does not exist. */
export interface Records {
  addresses?: string[];
  exchangers?: string[];
  /** "." as the target means that there is no such service. */
  targets?: { target: string; port: number; priority?: number; weight?: number }[];
}

export interface NameServer extends AsyncDisposable {
  /** 127.0.0.1:port. */
  readonly address: string;
  /** By name in lower case; may be changed at any time. */
  readonly records: Map<string, Records>;
  stop(): Promise<void>;
}

interface Codec {
  encode(record: object, writer: { write(value: number, bits: number): void; toBuffer(): Buffer }): void;
}

// dns2 3.1.1 compresses the target's name, which RFC 2782 forbids and c-ares refuses: a writer of its own knows no name to point at.
const srv = (Packet.Resource as unknown as { SRV: Codec }).SRV;
const encodeSrv = srv.encode;
srv.encode = (record, writer) => {
  const alone = new Packet.Writer();
  encodeSrv(record, alone as never);
  for (const byte of alone.toBuffer()) writer.write(byte, 8);
};

export async function startNameServer(records: Record<string, Records> = {}): Promise<NameServer> {
  const known = new Map(Object.entries(records));
  const port = await freePort();
  const server = createServer({ udp: true, handle: answering(known) });
  await server.listen({ udp: { port, address: '127.0.0.1' } });
  const stop = async () => {
    await server.close();
  };
  return { address: `127.0.0.1:${port}`, records: known, stop, [Symbol.asyncDispose]: stop };
}

function answering(known: ReadonlyMap<string, Records>): DnsHandler {
  return (request, send) => {
    const response = Packet.createResponseFromRequest(request);
    const [question] = request.questions;
    const found = known.get(question?.name.toLowerCase() ?? '');
    if (!found) response.header.rcode = Packet.RCODE.NXDOMAIN;
    for (const answer of found ? answersOf(found, question!.type ?? 0) : []) {
      response.answers.push({ name: question!.name, class: Packet.CLASS.IN, ttl: 60, type: question!.type, ...answer } as never);
    }
    send(response);
  };
}

function answersOf({ addresses = [], exchangers = [], targets = [] }: Records, type: number): object[] {
  if (type === Packet.TYPE.A) return addresses.map((address) => ({ address }));
  if (type === Packet.TYPE.MX) return exchangers.map((exchange, at) => ({ exchange, priority: 10 + at })).toReversed();
  if (type === Packet.TYPE.SRV) return targets.map((one) => ({ priority: 0, weight: 0, ...one }));
  return [];
}
