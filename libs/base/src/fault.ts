// The one error class for refusals that callers are meant to see; everything else that is thrown is a bug or an outage.

export type FaultKind = 'not_found' | 'conflict' | 'invalid' | 'denied' | 'busy' | 'gone' | 'too_large' | 'broken';

/**
 * A refusal with a kind (mapped once to gRPC, HTTP and handler outcomes), a code of the catalogue, and one sentence that says
 * what to do. The detail never holds a body, an address, a secret or a server's own words.
 */
export class Fault extends Error {
  override readonly name = 'Fault';

  constructor(
    readonly kind: FaultKind,
    readonly code: string,
    detail: string,
    readonly retryAfterMs?: number,
  ) {
    super(detail);
  }
}
