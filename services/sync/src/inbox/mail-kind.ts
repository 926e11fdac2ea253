// What the headers say a mail is, in the contract's words.
import { MailKind } from '@rejoinder/contracts/mail';
import type { MailKind as Classified } from '@rejoinder/mail/automatic';

const kinds: Record<Classified, MailKind> = {
  person: MailKind.PERSON,
  list: MailKind.LIST,
  delivery_report: MailKind.DELIVERY_REPORT,
  feedback_report: MailKind.COMPLAINT,
  read_receipt: MailKind.AUTO_REPLY,
  auto_reply: MailKind.AUTO_REPLY,
  auto_generated: MailKind.AUTO_REPLY,
};

export const mailKindOf = (kind: Classified): MailKind => kinds[kind];
