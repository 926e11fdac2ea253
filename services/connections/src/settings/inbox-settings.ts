// What an inbox may do, and how a change of that is read: decided as a whole, or refused in a sentence.
import { Fault } from '@rejoinder/base/fault';
import { normalAddress } from '@rejoinder/mail/addresses';

export type Capture = 'tracked' | 'all';

export interface InboxSettings {
  capture: Capture;
  /** Where all is captured: of mail received from then on. */
  captureSince: Date | null;
  attachments: boolean;
  historyDays: number;
  logFolder: string;
  /** None: the usual ones. */
  folders: string[];
  /** Further addresses of the mailbox, in lower case. */
  ownAddresses: string[];
}

/** What a person says of it; what is left out stays. */
export interface GivenSettings {
  capture?: string | undefined;
  captureSince?: Date | undefined;
  attachments?: boolean | undefined;
  historyDays?: number | undefined;
  logFolder?: string | undefined;
  folders?: readonly string[] | undefined;
  ownAddresses?: readonly string[] | undefined;
}

export interface Bounds {
  now: Date;
  /** Mail whose headers are gone cannot be looked at again. */
  headerDays: number;
}

const maxFolderName = 255;
const maxFolders = 200;
const maxOwnAddresses = 20;
const maxHistoryDays = 3_650;
const secondMs = 1_000;
const dayMs = 86_400_000;
/** Who asks for all that is there has asked a moment ago. */
const slackMs = 600_000;
const controls = /[\u0000-\u001f\u007f]/;

const wrong = (code: string, sentence: string) => new Fault('invalid', code, sentence);

/** Of an inbox that is connected without a word about them. */
export function firstSettings(capture: string): InboxSettings {
  return {
    capture: readCapture(capture),
    captureSince: null,
    attachments: true,
    historyDays: 30,
    logFolder: '',
    folders: [],
    ownAddresses: [],
  };
}

export function changedSettings(before: InboxSettings, given: GivenSettings, bounds: Bounds): InboxSettings {
  const capture = given.capture === undefined ? before.capture : readCapture(given.capture);
  return {
    capture,
    captureSince: readSince(capture, given.captureSince, before, bounds),
    attachments: given.attachments ?? before.attachments,
    historyDays: given.historyDays === undefined ? before.historyDays : readHistory(given.historyDays),
    logFolder: given.logFolder === undefined ? before.logFolder : readFolder(given.logFolder),
    folders: given.folders === undefined ? before.folders : readFolders(given.folders),
    ownAddresses: readOwnAddresses(given.ownAddresses) ?? before.ownAddresses,
  };
}

export function readCapture(capture: string): Capture {
  if (capture !== 'tracked' && capture !== 'all') throw wrong('CAPTURE_INVALID', 'Capture is "tracked" or "all".');
  return capture;
}

function readSince(capture: Capture, given: Date | undefined, before: InboxSettings, { now, headerDays }: Bounds): Date | null {
  if (capture === 'tracked') {
    if (given) throw wrong('CAPTURE_SINCE_INVALID', 'Only where capture is "all" it reaches back.');
    return null;
  }
  if (!given) return before.captureSince ?? wholeSecond(now);
  if (now.getTime() - given.getTime() > headerDays * dayMs + slackMs)
    throw wrong('CAPTURE_SINCE_INVALID', `Capture reaches back ${headerDays} days at most: of older mail nothing is known here.`);
  return wholeSecond(given > now ? now : given);
}

/** A mail server tells when it got a mail by the second (RFC 9051 INTERNALDATE): what came in this one came since. */
const wholeSecond = (at: Date): Date => new Date(Math.floor(at.getTime() / secondMs) * secondMs);

function readHistory(days: number): number {
  if (!Number.isInteger(days) || days < 0 || days > maxHistoryDays)
    throw wrong('HISTORY_INVALID', `History is 0 (everything) to ${maxHistoryDays} days.`);
  return days;
}

function readFolder(name: string): string {
  if (name.length > maxFolderName || controls.test(name))
    throw wrong('FOLDER_INVALID', `A folder name has at most ${maxFolderName} characters.`);
  return name;
}

function readFolders(names: readonly string[]): string[] {
  const folders = [...new Set(names)];
  if (folders.length > maxFolders) throw wrong('FOLDERS_INVALID', `At most ${maxFolders} folders are looked at.`);
  if (folders.includes('')) throw wrong('FOLDER_INVALID', 'A folder has a name.');
  return folders.map(readFolder);
}

export function readOwnAddresses(typed: readonly string[] | undefined): string[] | undefined {
  if (typed === undefined) return undefined;
  const addresses = typed.map((text) => normalAddress(text)?.toLowerCase());
  // It is a person's data: what is wrong is told without it.
  if (addresses.includes(undefined)) throw wrong('OWN_ADDRESSES_INVALID', 'An own address is a mail address, such as sales@example.com.');
  const known = [...new Set(addresses as string[])];
  if (known.length > maxOwnAddresses)
    throw wrong('OWN_ADDRESSES_INVALID', `A mailbox has at most ${maxOwnAddresses} addresses beside its own.`);
  return known;
}

/** A name that a server gives may be longer than one that a person may type; it is the same folder. */
export function renamedFolder(before: InboxSettings, from: string, to: string): InboxSettings {
  const folders = [...new Set(before.folders.map((path) => (path === from ? to : path)))];
  return { ...before, folders, logFolder: before.logFolder === from ? to : before.logFolder };
}

export function sameSettings(one: InboxSettings, other: InboxSettings): boolean {
  const text = ({ capture, captureSince, attachments, historyDays, logFolder, folders, ownAddresses }: InboxSettings) =>
    JSON.stringify([capture, captureSince, attachments, historyDays, logFolder, folders, ownAddresses]);
  return text(one) === text(other);
}
