// What one send says, fixed when it is accepted: composing it again always gives the same bytes.

export interface Person {
  address: string;
  name: string;
}

export interface AttachedFile {
  attachmentId: string;
  fileName: string;
  contentType: string;
  sizeBytes: number;
}

export interface SendContent {
  sendId: string;
  /** Without angle brackets. */
  messageId: string;
  /** The Date header, in whole seconds of the moment of acceptance. */
  date: string;
  /** Value of X-Rejoinder-Send. */
  mark: string;
  from: Person;
  to: Person[];
  cc: Person[];
  bcc: Person[];
  subject: string;
  text: string;
  html: string;
  /** Without angle brackets; empty for a new conversation. */
  inReplyTo: string;
  references: string[];
  attachments: AttachedFile[];
}

/** The Date header of an instant, as RFC 5322 §3.3 writes it. */
export function dateHeader(instant: Date): string {
  return instant.toUTCString().replace('GMT', '+0000');
}

/** Everybody the server is to deliver to, each once. */
export function recipientsOf({ to, cc, bcc }: Pick<SendContent, 'to' | 'cc' | 'bcc'>): string[] {
  const byKey = new Map([...to, ...cc, ...bcc].map(({ address }) => [address.toLowerCase(), address]));
  return [...byKey.values()];
}
