// The limit to compare with: a bare IMAP client in IDLE, which notes when it hears of each new mail.
import { ImapFlow } from 'imapflow';

export interface IdleClient {
  /** Time (performance.now()) at which the n-th mail of the folder was announced, by n from 1. */
  heardAt: Map<number, number>;
  stop(): Promise<void>;
}

export async function startIdleClient(options: { port: number; ca: string; user: string; password: string }): Promise<IdleClient> {
  const client = new ImapFlow({
    host: 'localhost',
    port: options.port,
    secure: true,
    tls: { ca: options.ca },
    auth: { user: options.user, pass: options.password },
    logger: false,
    missingIdleCommand: 'NOOP',
  });
  const heardAt = new Map<number, number>();
  client.on('exists', ({ count, prevCount }) => {
    const now = performance.now();
    for (let n = prevCount + 1; n <= count; n++) heardAt.set(n, now);
  });
  await client.connect();
  await client.mailboxOpen('INBOX');
  void client.idle();
  return { heardAt, stop: () => client.logout() };
}
