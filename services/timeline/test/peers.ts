// Honest stand-ins of the services that timeline asks: they keep texts, and remember what they were told to forget.
import { Server, ServerCredentials, status, type handleUnaryCall, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { DescService } from '@bufbuild/protobuf';
import { SendingService } from '@rejoinder/contracts/api/sending';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { grpcDefinition } from '@rejoinder/contracts/grpc-definition';
import { StoreService } from '@rejoinder/contracts/store';
import type { House } from '@rejoinder/runtime/house';

const asked = ['attachment', 'sync', 'sending', 'threading'] as const;
type Asked = (typeof asked)[number];

export interface TestPeers extends AsyncDisposable {
  /** Texts by mail id, as their senders wrote them. */
  texts: Map<string, { text?: string; html?: string }>;
  /** Mails each was told to forget. */
  forgotten: Record<Asked, string[]>;
  /** Those that do not answer now. */
  down: Set<Asked>;
}

export async function startPeers(house: House): Promise<TestPeers> {
  const texts: TestPeers['texts'] = new Map();
  const down: TestPeers['down'] = new Set();
  const forgotten: Record<Asked, string[]> = { attachment: [], sync: [], sending: [], threading: [] };
  const serve = async (name: Asked) => {
    const server = new Server();
    const unary =
      <Request>(answer: (request: Request) => object | undefined): handleUnaryCall<Request, object> =>
      (call, reply) => {
        const given = down.has(name) ? undefined : answer(call.request);
        if (given) reply(null, given);
        else reply({ code: down.has(name) ? status.UNAVAILABLE : status.NOT_FOUND, details: 'not there' });
      };
    const read = unary(({ mailId }: { mailId: string }) => texts.get(mailId));
    const forget = unary(({ mailIds }: { mailIds: string[] }) => {
      forgotten[name].push(...mailIds);
      return {};
    });
    add(server, StoreService, { Forget: forget });
    if (name === 'sync') add(server, SyncService, { ReadMail: read });
    if (name === 'sending') add(server, SendingService, { ReadSentMail: read });
    await new Promise<void>((resolve, reject) =>
      server.bindAsync(house.peerAddress(name), ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
    );
    return server;
  };
  const servers = await Promise.all(asked.map(serve));
  return { texts, down, forgotten, [Symbol.asyncDispose]: async () => servers.forEach((server) => server.forceShutdown()) };
}

function add(server: Server, service: DescService, methods: UntypedServiceImplementation): void {
  server.addService(grpcDefinition(service), methods);
}
