// The little of hoodiecrow-imap that the demo uses; it has no types of its own.
declare module 'hoodiecrow-imap' {
  import type { Server } from 'node:tls';

  interface Message {
    uid?: number;
    flags?: string[];
    internaldate?: string;
    raw: string;
  }
  interface Mailbox {
    uidvalidity?: number;
    uidnext?: number;
    flags?: string[];
    'special-use'?: string;
    messages?: Message[];
  }
  interface Options {
    secureConnection: boolean;
    credentials: { key: string; cert: string };
    plugins: string[];
    users: Record<string, { password: string }>;
    storage: { INBOX: Mailbox; '': { folders: Record<string, Mailbox>; separator: string } };
  }
  interface ImapServer {
    server: Server;
    listen(port: number, host: string, callback: () => void): void;
    close(callback: () => void): void;
    appendMessage(mailbox: string, flags: string[], internaldate: string | undefined, raw: string): void;
    getMailbox(path: string): Required<Mailbox> | undefined;
  }
  export default function hoodiecrow(options: Options): ImapServer;
}
