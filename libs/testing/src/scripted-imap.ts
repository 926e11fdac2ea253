// An IMAP server whose every oddity and fault a test can order: what Dovecot cannot play.
import { once } from 'node:events';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { TestCa } from './certificates.js';
import { ImapLines } from './imap-lines.js';
import { capabilities, examine, fetch, list, search, status, type Reply } from './scripted-commands.js';
import { ScriptedMailbox, type ImapQuirks, type ScriptedFolder } from './scripted-mailbox.js';
import { portOf } from './tcp-proxy.js';

/** Says something instead of the usual answer, to a command of this text without its tag; `usual` is that answer all the same. */
export type Answer = (connection: ScriptedConnection, tag: string, text: string) => void | 'usual';

/** Refuses the command, as in `says('NO [THROTTLED] slow down')`. */
export const says =
  (end: string): Answer =>
  (connection, tag) =>
    connection.say(`${tag} ${end}`);

/** Ends the connection with these words. */
export const bye =
  (words: string): Answer =>
  (connection) => {
    connection.say(`* BYE ${words}`);
    connection.end();
  };

/** Nothing at all. */
export const silence: Answer = () => undefined;

export interface ScriptedImap extends AsyncDisposable {
  readonly port: number;
  readonly ca: TestCa;
  /** Of a user, who is known as soon as a test asks; every password is `secret` until it is set. */
  mailbox(user: string): ScriptedMailbox;
  passwords: Map<string, string>;
  /** The next so many commands of this verb, GREETING too, get this answer. Of UID commands the second word counts. */
  next(verb: string, answer: Answer, times?: number): void;
  /** From now on, until it is called with nothing. */
  always(verb: string, answer?: Answer): void;
  /** Said in the midst of the answers to FETCH, before the answer of this number from 0; undefined for nothing. */
  amidFetch: ((answered: number) => string[]) | undefined;
  /** Verbs in the order they came; those of UID commands with it. */
  readonly commands: { user: string; verb: string; text: string }[];
  /** Logins that were tried. */
  logins(): number;
  connections(): number;
  /** Connections that were ever made. */
  greetings(): number;
  cut(): void;
  stop(): Promise<void>;
}

interface Script extends Pick<ScriptedImap, 'passwords' | 'commands' | 'mailbox' | 'amidFetch'> {
  take(verb: string): Answer | undefined;
}

export async function startScriptedImap(ca: TestCa, quirks: ImapQuirks = { idle: true }): Promise<ScriptedImap> {
  const { cert, key } = await ca.issue();
  const mailboxes = new Map<string, ScriptedMailbox>();
  const queues = new Map<string, Answer[]>();
  const lasting = new Map<string, Answer>();
  const open = new Set<ScriptedConnection>();
  let greetings = 0;
  const script: Script = {
    passwords: new Map(),
    commands: [],
    amidFetch: undefined,
    mailbox: (user) => {
      const known = mailboxes.get(user) ?? new ScriptedMailbox(quirks);
      mailboxes.set(user, known);
      return known;
    },
    take: (verb) => queues.get(verb)?.shift() ?? lasting.get(verb),
  };
  const server = createServer({ cert, key, noDelay: true }, (socket) => {
    const connection = new ScriptedConnection(socket, script);
    open.add(connection);
    greetings++;
    socket.on('close', () => open.delete(connection));
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => stopServer(server, open);
  return Object.assign(script, {
    ...{ port: portOf(server), ca, stop, [Symbol.asyncDispose]: stop },
    next: (verb: string, answer: Answer, times = 1) =>
      void queues.set(verb, [...(queues.get(verb) ?? []), ...Array<Answer>(times).fill(answer)]),
    always: (verb: string, answer?: Answer) => void (answer ? lasting.set(verb, answer) : lasting.delete(verb)),
    logins: () => script.commands.filter(({ verb }) => verb === 'LOGIN').length,
    connections: () => open.size,
    greetings: () => greetings,
    cut: () => open.forEach((connection) => connection.destroy()),
  });
}

async function stopServer(server: Server, open: Set<ScriptedConnection>): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  open.forEach((connection) => connection.destroy());
  await closed;
}

/** A quoted string, or an atom. */
const word = (text: string): string =>
  /^"((?:[^"\\]|\\.)*)"|^(\S+)/
    .exec(text)
    ?.slice(1)
    .find((found) => found !== undefined) ?? '';

export class ScriptedConnection {
  #user = '';
  #mailbox: ScriptedMailbox | undefined;
  #selected: ScriptedFolder | undefined;
  /** How many mails the client believes to be in the folder. */
  #told = 0;
  #pending: string[] = [];
  #idle: string | undefined;
  #idleEnd: NodeJS.Timeout | undefined;

  constructor(
    private readonly socket: TLSSocket,
    private readonly script: Script,
  ) {
    const lines = new ImapLines('client', ({ text }) => this.#take(text));
    socket.on('data', (chunk: Buffer) => lines.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#leave());
    const greeting = script.take('GREETING');
    if (greeting) greeting(this, '*', '');
    else this.say('* OK scripted server');
  }

  say(line: string | Buffer): void {
    if (this.socket.writable) this.socket.write(Buffer.concat([Buffer.from(line), Buffer.from('\r\n')]));
  }

  /** Bytes as they are, without the end of a line. */
  write(bytes: string | Buffer): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #take(text: string): void {
    if (this.#idle !== undefined) return void (/^DONE$/i.test(text) && this.#endIdle());
    const [, tag = '', verb = '', rest = ''] = /^(\S+) (?:UID )?(\S+) ?([^]*)$/i.exec(text) ?? [];
    const name = verb.toUpperCase();
    this.script.commands.push({ user: this.#user, verb: name, text: name === 'LOGIN' ? 'LOGIN' : text.replace(/^\S+ /, '') });
    const ordered = this.script.take(name);
    if (ordered && ordered(this, tag, text.replace(/^\S+ /, '')) !== 'usual') return;
    if (name === 'IDLE' && this.#mailbox?.quirks.idle) return this.#startIdle(tag);
    const { untagged, end } = this.#reply(name, rest);
    const times = name === 'FETCH' && this.#mailbox?.quirks.twice ? [1, 2] : [1];
    for (const line of untagged) for (const _ of times) this.say(Buffer.concat([Buffer.from('* '), Buffer.from(line)]));
    this.#tellPending();
    this.say(`${tag} ${end}`);
    if (name === 'LOGOUT') this.end();
  }

  #reply(verb: string, rest: string): Reply {
    if (verb === 'LOGIN') return this.#login(rest);
    if (verb === 'LOGOUT') return { untagged: ['BYE'], end: 'OK' };
    const mailbox = this.#mailbox;
    if (verb === 'CAPABILITY') return { untagged: [`CAPABILITY ${mailbox ? capabilities(mailbox) : 'IMAP4rev1'}`], end: 'OK' };
    if (!mailbox) return { untagged: [], end: 'BAD not logged in' };
    const folder = mailbox.folders.get(word(rest));
    const inside = this.#selected;
    if (verb === 'LIST') return list(mailbox, word(rest.replace(/^\S+ /, '')));
    if (verb === 'EXAMINE') return this.#open(examine(mailbox, folder), folder);
    if (verb === 'STATUS') return status(mailbox, folder, /\(([^)]*)\)$/.exec(rest)?.[1] ?? '');
    if (verb === 'NOOP') return { untagged: [], end: 'OK' };
    if (verb === 'ENABLE') return { untagged: [`ENABLED ${mailbox.quirks.modseq ? 'CONDSTORE' : ''}`], end: 'OK' };
    if (verb === 'ID') return { untagged: ['ID ("name" "Scripted")'], end: 'OK' };
    if (verb === 'NAMESPACE') return { untagged: ['NAMESPACE (("" "/")) NIL NIL'], end: 'OK' };
    if (verb === 'SEARCH' && inside) return search(inside, rest);
    const [range = '', ...query] = rest.split(' ');
    if (verb === 'FETCH' && inside) return fetch(mailbox, inside, range, query.join(' '), this.script.amidFetch ?? (() => []));
    return { untagged: [], end: 'BAD what?' };
  }

  #login(rest: string): Reply {
    const user = word(rest);
    const password = word(rest.replace(/^(?:"(?:[^"\\]|\\.)*"|\S+) /, ''));
    if (password !== (this.script.passwords.get(user) ?? 'secret')) return { untagged: [], end: 'NO [AUTHENTICATIONFAILED] wrong' };
    this.#user = user;
    this.#mailbox = this.script.mailbox(user);
    this.#mailbox.on('exists', this.#exists).on('expunge', this.#expunge).on('flags', this.#flags);
    return { untagged: [], end: `OK [CAPABILITY ${capabilities(this.#mailbox)}] welcome` };
  }

  #open(reply: Reply, folder: ScriptedFolder | undefined): Reply {
    this.#selected = reply.end.startsWith('OK') ? folder : undefined;
    this.#told = this.#selected?.mails.length ?? 0;
    this.#pending = [];
    return reply;
  }

  #startIdle(tag: string): void {
    this.#idle = tag;
    this.say('+ idling');
    this.#tellPending();
    const { idle } = this.#mailbox!.quirks;
    if (typeof idle === 'number') this.#idleEnd = setTimeout(() => this.#endIdle(), idle);
  }

  #endIdle(): void {
    clearTimeout(this.#idleEnd);
    const tag = this.#idle;
    this.#idle = undefined;
    if (tag !== undefined) this.say(`${tag} OK idle ended`);
  }

  readonly #exists = (path: string) => {
    if (path !== this.#selected?.path) return;
    this.#tell(path, `${++this.#told} EXISTS`);
    if (this.#mailbox?.quirks.twice) this.#tell(path, `${this.#told} EXISTS`);
  };
  readonly #expunge = (path: string, sequence: number) => {
    if (path === this.#selected?.path) this.#told--;
    this.#tell(path, `${sequence} EXPUNGE`);
  };
  readonly #flags = (path: string, sequence: number) => {
    const mail = this.#selected?.mails[sequence - 1];
    if (mail) this.#tell(path, `${sequence} FETCH (FLAGS (${[...mail.flags].join(' ')}))`);
  };

  #tell(path: string, line: string): void {
    if (path !== this.#selected?.path) return;
    this.#pending.push(line);
    if (this.#idle !== undefined) this.#tellPending();
  }

  #tellPending(): void {
    for (const line of this.#pending.splice(0)) this.say(`* ${line}`);
  }

  #leave(): void {
    clearTimeout(this.#idleEnd);
    this.#mailbox?.off('exists', this.#exists).off('expunge', this.#expunge).off('flags', this.#flags);
  }
}
