// What the owner of an inbox is told once it needs a new password: why, and by which link they mend it.
import { createHash } from 'node:crypto';
import { explain } from '@rejoinder/contracts/catalogue';

export interface Episode {
  tenantId: string;
  inboxId: string;
  credentialVersion: bigint;
  side: 'receiving' | 'sending';
  reason: string;
}

export interface NoticeMail {
  from: string;
  to: string;
  subject: string;
  text: string;
  messageId: string;
  date: Date;
  headers: Record<string, string>;
}

export interface ReconnectLink {
  address: string;
  url: string;
  expiresAt: Date;
}

const maxLine = 200;

/** The same episode always has the same Message-ID. */
export function noticeMail(episode: Episode, { address, url, expiresAt }: ReconnectLink, from: string, date: Date): NoticeMail {
  const cannot = episode.side === 'receiving' ? 'read' : 'send from';
  const why = explain(episode.reason)?.sentence ?? 'The mail server refused to let it in.';
  const until = expiresAt.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
  const paragraphs = [
    `Rejoinder, which keeps the mail with your contacts, can no longer ${cannot} the mailbox ${address}.`,
    why,
    episode.reason.startsWith('OAUTH_')
      ? 'To connect it again, open this page and sign in at your provider:'
      : 'To connect it again, open this page and enter the password, or the app password that your provider wants for mail programs:',
    url,
    `The link is good until ${until}, and can be used once. What was logged stays as it is, and mail that comes meanwhile is read once the mailbox is connected again.`,
    'If you do not expect this mail, ask whoever looks after Rejoinder at your place before you enter anything.',
  ];
  return {
    from,
    to: address,
    subject: `Rejoinder can no longer ${cannot} ${address}`.slice(0, maxLine),
    text: `${paragraphs.join('\n\n')}\n`,
    messageId: `<${idOf(episode)}@${from.slice(from.lastIndexOf('@') + 1).replace(/>$/, '')}>`,
    date,
    // No holiday notice answers it (RFC 3834), and no list of ours is behind it.
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

function idOf({ tenantId, inboxId, credentialVersion }: Episode): string {
  return `notice.${createHash('sha256').update(`${tenantId} ${inboxId} ${credentialVersion}`).digest('hex').slice(0, 32)}`;
}

/** One for each inbox: that of the newest credential, and of its two sides the one that was told first. */
export function newestOf(episodes: readonly Episode[]): Episode[] {
  const newest = new Map<string, Episode>();
  for (const one of episodes) {
    const known = newest.get(one.inboxId);
    if (!known || one.credentialVersion > known.credentialVersion) newest.set(one.inboxId, one);
  }
  return [...newest.values()];
}
