// Lets calls end on a connection whose server is going away: grpc-js would take it for dead at its next sign of life, and drop them.
import type { ClientHttp2Session } from 'node:http2';
import { Http2SubchannelConnector } from '@grpc/grpc-js/build/src/transport.js';

interface Pinging {
  session: ClientHttp2Session;
  canSendPing(): boolean;
}

/**
 * After a GOAWAY Node closes the session in order and sends no more PING over it, which the keepalive of grpc-js 1.14.7 reads as "Ping returned false":
 * calls under way fail with "Connection dropped" within the keepalive's time. Such a session is asked for no sign of life; its calls have deadlines.
 */
export function keepCallsOverGoaway(): void {
  const { connect } = Http2SubchannelConnector.prototype;
  Http2SubchannelConnector.prototype.connect = async function (this: Http2SubchannelConnector, ...of) {
    const transport = await connect.apply(this, of);
    const pinging = transport as unknown as Pinging;
    const canSendPing = pinging.canSendPing.bind(transport);
    pinging.canSendPing = () => !pinging.session.closed && canSendPing();
    return transport;
  };
}
