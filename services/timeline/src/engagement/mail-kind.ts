// What a mail is, in the contract's words.
import { MailKind } from '@rejoinder/contracts/mail';

const kinds: Record<string, MailKind> = {
  list: MailKind.LIST,
  auto_reply: MailKind.AUTO_REPLY,
  delivery_report: MailKind.DELIVERY_REPORT,
  complaint: MailKind.COMPLAINT,
};

/** Takes the kind as the mail's row has it. */
export const mailKindOf = (kind: string): MailKind => kinds[kind] ?? MailKind.PERSON;
