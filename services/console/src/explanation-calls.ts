// Why mails are where they are, as the console asks it: types and calls.
import { call, get, post, type Person } from './api.js';

/** What the headers of a mail say that stands on a timeline. */
export interface MailHead {
  engagement_id: string;
  contact_id: string;
  direction: 'in' | 'out';
  from: Person;
  subject: string;
  occurred_at: string;
}
/** What somebody said of a mail: it begins a conversation of its own, belongs with another, or was not meant to be logged. */
export interface Pin {
  pin_id: string;
  kind: 'split' | 'merge' | 'unlog';
  mail_id: string;
  mail: MailHead | null;
  into_mail_id: string | null;
  into_mail: MailHead | null;
  made_at: string;
}
export interface Evidence {
  mail_id: string | null;
  mail: MailHead | null;
  tracked: boolean;
  ended: 'tracked' | 'split' | 'cut_subject' | 'not_quoting' | 'text_unread' | null;
}
export interface Explanation {
  mail_id: string;
  thread_id: string;
  verdict: 'tracked' | 'asking' | 'untracked';
  because: string;
  rule: string;
  rule_text: string;
  evidence: Evidence[];
  pins: Pin[];
}
/** An answer to a logged mail that went to other people: that it is there, and nothing that its headers say. */
export interface LeftAnswer {
  mail_id: string;
  thread_id: string;
  left_thread_id: string;
  answers_mail_id: string;
  rule_text: string;
  received_at: string;
  inbox_ids: string[];
}
export const explanations = {
  leftAnswers: (threadIds: readonly string[]) => get<{ answers: LeftAnswer[] }>(`/v1/left-answers?thread_ids=${threadIds.join(',')}`),
  merge: (threadId: string, mailId: string, intoMailId: string) =>
    post<Pin>(`/v1/threads/${threadId}/merge`, { mail_id: mailId, into_mail_id: intoMailId }),
  explain: (mailId: string) => get<Explanation>(`/v1/mails/${mailId}/explain`),
  split: (threadId: string, mailId: string) => post<Pin>(`/v1/threads/${threadId}/split`, { mail_id: mailId }),
  unlog: (mailId: string) => post<Pin>(`/v1/mails/${mailId}/unlog`, {}),
  unpin: (id: string) => call<void>('DELETE', `/v1/pins/${id}`),
};
