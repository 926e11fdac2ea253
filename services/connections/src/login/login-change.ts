// What an inbox logs in with from now on, where a person changes some of it; a saved password is for no host but its own.
import { Fault } from '@rejoinder/base/fault';
import { faultOf } from '@rejoinder/contracts/catalogue';
import type { LoginChange } from '@rejoinder/contracts/api/connections';
import type { MailServer } from '@rejoinder/runtime/mail-host';
import type { OpenCredential, SignIn } from '../credential-box.js';
import type { Side } from '../inbox.js';
import { readPassword, readServer, readUsername, type CheckedLogin, type Protocol } from './login.js';

type Change = Pick<LoginChange, 'username' | 'password' | 'server'>;
/** What is left out, or empty, stays. */
export type Changes = { [protocol in Protocol]?: Change | undefined };

type Known = Pick<CheckedLogin, 'address' | 'imap' | 'smtp'>;
type Login = CheckedLogin & SignIn;

/** The whole login after the changes; refuses what cannot be. */
export function changedLogin({ address, ...servers }: Known, known: OpenCredential, changes: Changes): Login {
  // What a provider's page has given is for its servers, and no password for any.
  if (known.grant && !(changes.imap?.password && changes.smtp?.password)) throw faultOf('INBOX_SIGNED_IN');
  const imap = changedSide('imap', { server: servers.imap, username: known.username, password: known.password }, changes.imap);
  const smtp = changedSide(
    'smtp',
    { server: servers.smtp, username: known.username, password: known.password, ...known.smtp },
    changes.smtp,
  );
  const smtpSignIn = isSame(imap, smtp) ? undefined : { username: smtp.username, password: smtp.password };
  return { address, username: imap.username, password: imap.password, imap: imap.server, smtp: smtp.server, smtpSignIn };
}

interface SideLogin extends SignIn {
  server: MailServer;
}

function changedSide(
  protocol: Protocol,
  known: Omit<SideLogin, 'password'> & { password: SignIn['password'] | undefined },
  change: Change | undefined,
): SideLogin {
  const server = change?.server ? readServer(protocol, change.server) : known.server;
  const username = change?.username ? readUsername(change.username) : known.username;
  const isKnownHost = server.host.toLowerCase() === known.server.host.toLowerCase();
  // Else whoever may change an inbox could have its password, which nobody is told, sent to a host of their own.
  const password = change?.password ? readPassword(change.password) : isKnownHost ? known.password : undefined;
  if (!password) throw new Fault('invalid', 'PASSWORD_MISSING', 'Another host needs the password again: the saved one is not sent to it.');
  return { server, username, password };
}

const isSame = (one: SignIn, other: SignIn) => one.username === other.username && one.password.reveal() === other.password.reveal();

/** Whose password a new one is: of both sides, unless each has its own and only one of them needs another. */
export function sidesOfPassword(
  { smtp }: OpenCredential,
  { receivingReason, sendingReason }: { receivingReason: string; sendingReason: string },
): Protocol[] {
  if (!smtp || (receivingReason === '') === (sendingReason === '')) return ['imap', 'smtp'];
  return [receivingReason === '' ? 'smtp' : 'imap'];
}

/** Undefined for both. */
export function sideOf(protocols: readonly Protocol[]): Side | undefined {
  if (protocols.length > 1) return undefined;
  return protocols[0] === 'imap' ? 'receiving' : 'sending';
}
