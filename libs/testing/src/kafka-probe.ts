// Asks a Kafka broker whether it is ready, without a client that would retry and log.
import { connect } from 'node:net';

const TIMEOUT_MS = 2_000;
const METADATA = 3;
const CORRELATION = 7;

/** Succeeds once the broker lists itself as alive: it then serves produce and fetch. */
export async function isReady(port: number): Promise<void> {
  const answer = await ask(port, metadataRequest());
  if (answer.readInt32BE(4) !== CORRELATION || answer.readInt32BE(8) < 1) throw new Error('the broker does not list itself yet');
}

/** Metadata, version 0, of no client in particular: size, key, version, correlation id, null client id, all topics. */
function metadataRequest(): Buffer {
  const request = Buffer.alloc(18);
  request.writeInt32BE(14, 0);
  request.writeInt16BE(METADATA, 4);
  request.writeInt16BE(0, 6);
  request.writeInt32BE(CORRELATION, 8);
  request.writeInt16BE(-1, 12);
  request.writeInt32BE(0, 14);
  return request;
}

function ask(port: number, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const socket = connect({ port, host: '127.0.0.1', timeout: TIMEOUT_MS }, () => socket.write(request));
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length < 12) return;
      socket.destroy();
      resolve(answer);
    });
    socket.once('timeout', () => socket.destroy(new Error(`no answer on port ${port} within ${TIMEOUT_MS} ms`)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`port ${port} hung up`)));
  });
}
