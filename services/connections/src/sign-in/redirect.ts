// Reads what comes with a sign-in from outside: where the person is sent back to, with what they came back, and who began it.
import { Fault } from '@rejoinder/base/fault';

const maxAddress = 2_000;
/** Codes of Microsoft have over a thousand characters. */
const maxCallback = 8_000;
const maxCaller = 100;
const loopback = ['127.0.0.1', 'localhost', '[::1]'];

/** https, or http of a loopback host (RFC 8252 §7.3), without query and fragment. */
export function readRedirect(text: string): string {
  const url = text.length <= maxAddress ? URL.parse(text) : null;
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback.includes(url.hostname));
  if (!url || !safe || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    throw new Fault(
      'invalid',
      'REDIRECT_INVALID',
      'A redirect URI is an https address without a query, or http of 127.0.0.1 or localhost.',
    );
  return url.href;
}

/** The query is all that counts: the rest of the address is as it was begun with. */
export function readCallback(text: string): { query: URLSearchParams; state: string } {
  const url = text.length <= maxCallback ? URL.parse(text) : null;
  const state = url?.searchParams.get('state');
  if (!url || !state)
    throw new Fault('invalid', 'CALLBACK_INVALID', 'This is not the whole address that the provider has sent the person back to.');
  return { query: url.searchParams, state };
}

export function readCaller(text: string): string {
  if (text.length > maxCaller) throw new Fault('invalid', 'CALLER_INVALID', `A caller has at most ${maxCaller} characters.`);
  return text;
}
