// What the network's and TLS's own error codes mean for a mail server, whatever protocol is spoken on it.
import type { ErrorCode } from '@rejoinder/contracts/catalogue';

const certificate =
  /^(ERR_TLS_CERT_ALTNAME_INVALID|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*|CERT_.*|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)$/;

/** TLS_CERT, TLS_REQUIRED, or undefined where the code is not one of TLS. */
export function tlsCode(code: string | undefined): ErrorCode | undefined {
  if (code === undefined) return undefined;
  if (certificate.test(code)) return 'TLS_CERT';
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') ? 'TLS_REQUIRED' : undefined;
}

const byCode: Record<string, ErrorCode> = {
  ENOTFOUND: 'HOST_NOT_FOUND',
  EAI_AGAIN: 'HOST_NOT_FOUND',
  EDNS: 'HOST_NOT_FOUND',
  ECONNREFUSED: 'REFUSED',
  EHOSTUNREACH: 'REFUSED',
  ENETUNREACH: 'REFUSED',
  CONNECT_TIMEOUT: 'TIMEOUT',
  GREETING_TIMEOUT: 'TIMEOUT',
  UPGRADE_TIMEOUT: 'TIMEOUT',
  ETIMEOUT: 'TIMEOUT',
  ETIMEDOUT: 'TIMEOUT',
  ECONNRESET: 'CONNECTION_LOST',
  EPIPE: 'CONNECTION_LOST',
  ECONNECTION: 'CONNECTION_LOST',
  ESOCKET: 'CONNECTION_LOST',
  NoConnection: 'CONNECTION_LOST',
  EConnectionClosed: 'CONNECTION_LOST',
  StateLogout: 'CONNECTION_LOST',
  ClosedAfterConnectText: 'CONNECTION_LOST',
  ClosedAfterConnectTLS: 'CONNECTION_LOST',
};

/** What broke on the way to the server, or undefined where the code says nothing of it. */
export function connectionCode(code: string | undefined): ErrorCode | undefined {
  return code === undefined ? undefined : byCode[code];
}
