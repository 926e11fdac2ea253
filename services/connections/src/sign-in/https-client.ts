// HTTP to a provider: over TLS alone, with a limit on time and on what it may answer, and no redirect followed.
import { Agent, request } from 'node:https';
import type { SecureContext } from 'node:tls';

/** Metadata and keys of the largest providers have under 20 kB. */
const maxAnswerBytes = 500_000;
export const httpTimeoutMs = 8_000;
const maxSockets = 20;

export interface HttpsRequest {
  method: string;
  headers: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal;
}

export type HttpsFetch = (url: string, request: HttpsRequest) => Promise<Response>;

/** A fetch that trusts what mail servers are trusted by. */
export function httpsFetch(secureContext: SecureContext): HttpsFetch {
  const agent = new Agent({ keepAlive: true, maxSockets, secureContext, rejectUnauthorized: true });
  return (url, { method, headers, body, signal }) => {
    const limited = AbortSignal.any([AbortSignal.timeout(httpTimeoutMs), ...(signal ? [signal] : [])]);
    return new Promise((resolve, reject) => {
      const asking = request(url, { agent, method, headers, signal: limited }, (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxAnswerBytes) answer.destroy(new Error('the provider answers more than is taken'));
          else chunks.push(chunk);
        });
        answer.on('error', reject);
        answer.on('end', () => {
          const { statusCode: status = 0 } = answer;
          const pairs = Object.entries(answer.headersDistinct).flatMap(([name, all = []]) =>
            all.map((one): [string, string] => [name, one]),
          );
          if (status < 200 || status > 599) return reject(new Error('the provider gives no status'));
          const empty = status === 204 || status === 205 || status === 304;
          resolve(new Response(empty ? null : Buffer.concat(chunks), { status, headers: pairs }));
        });
      });
      asking.on('error', reject);
      asking.end(body === undefined || body === null ? undefined : textOf(body));
    });
  };
}

/** openid-client gives forms. */
function textOf(body: unknown): string {
  if (body instanceof URLSearchParams || typeof body === 'string') return body.toString();
  throw new TypeError('a body is a form or a text');
}
