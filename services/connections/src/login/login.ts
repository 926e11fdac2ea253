// Reads what a person typed of a login, or refuses by name what is wrong.
import { Fault } from '@rejoinder/base/fault';
import { Private } from '@rejoinder/base/private';
import type { Login, Server } from '@rejoinder/contracts/api/connections';
import type { MailServer } from '@rejoinder/runtime/mail-host';
import type { SignIn } from '../credential-box.js';

export const bothProtocols = ['imap', 'smtp'] as const;
export type Protocol = (typeof bothProtocols)[number];

/** Everything needed to sign in to both servers. */
export interface CheckedLogin {
  address: string;
  username: string;
  /** Not looked at where there is an access token. */
  password: Private<string>;
  /** OAuth 2.0: said to both servers in the password's place. */
  accessToken?: Private<string>;
  /** Where sending signs in otherwise than receiving. */
  smtpSignIn?: SignIn | undefined;
  imap: MailServer;
  smtp: MailServer;
}

const maxAddress = 320;
const maxUsername = 320;
const maxPassword = 1_000;
const maxName = 200;
const maxHost = 253;

const addressForm =
  /^[^\s<>,;:"()[\]\\@\u0000-\u001f\u007f]+@([^\s<>,;:"()[\]\\@.\u0000-\u001f\u007f]+\.)+[^\s<>,;:"()[\]\\@.\u0000-\u001f\u007f]+$/u;
const controls = /[\u0000-\u001f\u007f]/;

const wrong = (code: string, sentence: string) => new Fault('invalid', code, sentence);

/** The address with its domain in lower case. */
export function readAddress(text: string): string {
  const address = text.trim();
  if (address.length > maxAddress || !addressForm.test(address)) throw wrong('ADDRESS_INVALID', 'An address looks like anna@example.com.');
  const at = address.lastIndexOf('@');
  return `${address.slice(0, at)}@${address.slice(at + 1).toLowerCase()}`;
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}

export function readLogin(login: Login | undefined): CheckedLogin {
  if (!login) throw wrong('LOGIN_MISSING', 'A login has an address, a password and two servers.');
  const address = readAddress(login.address);
  return {
    address,
    username: readUsername(login.username || address),
    password: readPassword(login.password),
    imap: readServer('imap', login.imap),
    smtp: readServer('smtp', login.smtp),
  };
}

export function readUsername(text: string): string {
  if (text.length > maxUsername || controls.test(text))
    throw wrong('USERNAME_INVALID', `A user name has at most ${maxUsername} characters.`);
  return text;
}

export function readPassword(text: string): Private<string> {
  if (text === '') throw wrong('PASSWORD_MISSING', 'A password is needed.');
  if (text.length > maxPassword || controls.test(text))
    throw wrong('PASSWORD_INVALID', `A password has at most ${maxPassword} characters, all of them visible.`);
  return new Private(text);
}

export function readServer(of: Protocol, server: Server | undefined): MailServer {
  const protocol = of.toUpperCase();
  if (!server?.host || server.host.length > maxHost) throw wrong('SERVER_MISSING', `The ${protocol} server needs a host name.`);
  const { host, port, security } = server;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw wrong('PORT_INVALID', `The ${protocol} server needs a port.`);
  if (security !== 'tls' && security !== 'starttls')
    throw wrong('SECURITY_INVALID', 'Security is "tls" or "starttls"; there is no plain text.');
  return { host: host.trim(), port, security };
}

export function readDisplayName(text: string): string {
  const name = text.trim();
  if (name.length > maxName || controls.test(name)) throw wrong('NAME_INVALID', `A name has at most ${maxName} characters in one line.`);
  return name;
}
