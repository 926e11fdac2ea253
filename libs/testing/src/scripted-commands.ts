// Answers the IMAP commands of one connection from a scripted mailbox.
import type { ScriptedFolder, ScriptedMail, ScriptedMailbox } from './scripted-mailbox.js';

export interface Reply {
  untagged: (string | Buffer)[];
  /** Tagged: OK, or NO and why. */
  end: string;
}

const ok = (untagged: (string | Buffer)[] = [], end = 'OK done'): Reply => ({ untagged, end });
const missing = (): Reply => ({ untagged: [], end: 'NO [NONEXISTENT] no such folder' });

export function capabilities({ quirks }: ScriptedMailbox): string {
  const more = [quirks.idle && 'IDLE', quirks.modseq && 'CONDSTORE ENABLE', quirks.gmail && 'X-GM-EXT-1', quirks.objectId && 'OBJECTID'];
  return ['IMAP4rev1 ID NAMESPACE SPECIAL-USE UIDPLUS LITERAL+', ...more.filter(Boolean)].join(' ');
}

export function list({ folders, quirks }: ScriptedMailbox, pattern: string): Reply {
  const shown = [...folders.values()].filter(({ path }) => pattern === '*' || pattern === path);
  const flagsOf = ({ path, specialUse }: ScriptedFolder) =>
    [path === '[Gmail]' ? '\\Noselect' : '', specialUse, ...(quirks.listFlags?.[path] ?? [])].filter(Boolean).join(' ');
  return ok(shown.map((folder) => `LIST (${flagsOf(folder)}) "/" "${folder.path}"`));
}

export function examine(mailbox: ScriptedMailbox, folder: ScriptedFolder | undefined): Reply {
  if (!folder || folder.path === '[Gmail]') return missing();
  const { noUidNext, noUidValidity, modseq, objectId } = mailbox.quirks;
  const said = [
    `${folder.mails.length} EXISTS`,
    'FLAGS (\\Seen \\Answered)',
    noUidValidity ? '' : `OK [UIDVALIDITY ${folder.uidValidity}] valid`,
    noUidNext ? '' : `OK [UIDNEXT ${folder.uidNext}] next`,
    modseq ? `OK [HIGHESTMODSEQ ${mailbox.highestModseq(folder)}] highest` : '',
    objectId ? `OK [MAILBOXID (${folder.mailboxId})] id` : '',
  ];
  return ok(said.filter(Boolean), 'OK [READ-ONLY] opened');
}

export function status(mailbox: ScriptedMailbox, folder: ScriptedFolder | undefined, items: string): Reply {
  if (!folder || folder.path === '[Gmail]') return missing();
  const { noUidNext, noUidValidity, modseq, objectId } = mailbox.quirks;
  const values: Record<string, string | number | false | undefined> = {
    MESSAGES: folder.mails.length,
    UIDVALIDITY: !noUidValidity && folder.uidValidity,
    UIDNEXT: !noUidNext && folder.uidNext,
    HIGHESTMODSEQ: modseq && mailbox.highestModseq(folder),
    MAILBOXID: objectId && `(${folder.mailboxId})`,
  };
  const told = items.split(' ').filter((item) => values[item] !== undefined && values[item] !== false);
  return ok([`STATUS "${folder.path}" (${told.map((item) => `${item} ${values[item]}`).join(' ')})`]);
}

export function search({ mails }: ScriptedFolder, criteria: string): Reply {
  const found = mails.filter((mail) => matches(mail, criteria, mails.at(-1)!.uid));
  return ok([['SEARCH', ...found.map(({ uid }) => uid)].join(' ')]);
}

function matches({ uid, flags, raw, receivedAt }: ScriptedMail, criteria: string, highest: number): boolean {
  const range = /\bUID (\S+)/.exec(criteria)?.[1];
  const keyword = /\bKEYWORD (\S+)/.exec(criteria)?.[1];
  const since = /\bSINCE (\S+)/.exec(criteria)?.[1];
  const isWritten = !/\bUNDRAFT\b/.test(criteria) || !flags.has('\\Draft');
  const header = /\bHEADER "?([^" ]+)"? "?([^"]*?)"?$/.exec(criteria);
  return (
    isWritten &&
    (range === undefined || inRange(range, uid, highest)) &&
    (keyword === undefined || flags.has(keyword)) &&
    (since === undefined || new Date(receivedAt) >= new Date(since.replaceAll('"', ''))) &&
    (header === null || new RegExp(`^${header[1]}:.*${header[2]}`, 'im').test(headerText(raw)))
  );
}

/** `at` is called before each answer, for what a server says in the midst of them. */
export function fetch(
  mailbox: ScriptedMailbox,
  folder: ScriptedFolder,
  range: string,
  query: string,
  at: (answered: number) => string[],
): Reply {
  const highest = folder.mails.at(-1)?.uid ?? 0;
  const since = Number(/CHANGEDSINCE (\d+)/i.exec(query)?.[1] ?? 0);
  const wanted = folder.mails.filter(({ uid, modseq }) => inRange(range, uid, highest) && modseq > since);
  const items = itemsOf(query.replace(/\(CHANGEDSINCE[^)]*\)/i, ''));
  // Numbers are those of the moment: what the test expunges meanwhile moves them.
  const untagged = wanted.flatMap((mail, index) => [...at(index), answer(mailbox, folder.mails.indexOf(mail) + 1, mail, items)]);
  return ok([...untagged, ...at(wanted.length)]);
}

function answer({ quirks }: ScriptedMailbox, sequence: number, mail: ScriptedMail, items: string[]): Buffer {
  const parts: Buffer[] = [];
  const add = (name: string, value: string | Buffer) => {
    const bytes = typeof value === 'string' ? [Buffer.from(value)] : [Buffer.from(`{${value.length}}\r\n`), value];
    parts.push(Buffer.concat([Buffer.from(`${name} `), ...bytes]));
  };
  add('UID', String(mail.uid));
  if (items.includes('FLAGS')) add('FLAGS', `(${[...mail.flags].join(' ')})`);
  if (items.includes('INTERNALDATE')) add('INTERNALDATE', `"${mail.receivedAt}"`);
  if (items.includes('RFC822.SIZE')) add('RFC822.SIZE', String(mail.raw.length));
  if (quirks.modseq) add('MODSEQ', `(${mail.modseq})`);
  if (items.includes('X-GM-MSGID')) add('X-GM-MSGID', mail.gmailId);
  if (items.includes('X-GM-LABELS'))
    add('X-GM-LABELS', `(${[...mail.labels].map((label) => `"${label.replace('\\', '\\\\')}"`).join(' ')})`);
  if (items.includes('BODYSTRUCTURE')) add('BODYSTRUCTURE', structure(mail.raw));
  for (const item of items) {
    const section = /^BODY(?:\.PEEK)?\[(.*)\](<(\d+)(?:\.(\d+))?>)?$/i.exec(item);
    if (section) add(`BODY[${section[1]!}]${section[3] === undefined ? '' : `<${section[3]}>`}`, sectionOf(mail.raw, section[1]!));
  }
  const between = parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.from(' '), part]));
  return Buffer.concat([Buffer.from(`${sequence} FETCH (`), ...between, Buffer.from(')')]);
}

/** One text part: what a test with more parts wants, Dovecot can do. */
function structure(raw: Buffer): string {
  const body = sectionOf(raw, '1');
  return `("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "7BIT" ${body.length} ${body.toString('latin1').split('\n').length})`;
}

function sectionOf(raw: Buffer, section: string): Buffer {
  const header = headerText(raw);
  const named = /^HEADER\.FIELDS \((.*)\)$/i.exec(section)?.[1];
  if (named !== undefined) {
    const names = named.toLowerCase().replaceAll('"', '').split(' ');
    const fields = header.split(/\r\n(?![ \t])/).filter((field) => names.includes(field.split(':')[0]!.toLowerCase()));
    return Buffer.from([...fields, '', ''].join('\r\n'), 'latin1');
  }
  return section.toUpperCase() === 'HEADER' ? Buffer.from(`${header}\r\n\r\n`, 'latin1') : raw.subarray(header.length + 4);
}

function headerText(raw: Buffer): string {
  return raw.subarray(0, raw.indexOf('\r\n\r\n')).toString('latin1');
}

/** Splits `(A B[C (D E)]<0.9> F)` at the outer spaces. */
function itemsOf(query: string): string[] {
  return (
    query
      .trim()
      .replace(/^\(([^]*)\)$/, '$1')
      .match(/[^ [\]]+(?:\[[^\]]*\](?:<[^>]*>)?)?/g) ?? []
  );
}

function inRange(set: string, uid: number, highest: number): boolean {
  return set.split(',').some((part) => {
    const [from, to = from] = part.split(':').map((end) => (end === '*' ? highest : Number(end)));
    return uid >= Math.min(from!, to!) && uid <= Math.max(from!, to!);
  });
}
