// The IMAP keyword by which a person asks for a mail to be logged.
export const logKeyword = '$RejoinderLog';

export const hasLogKeyword = (flags: ReadonlySet<string>): boolean =>
  [...flags].some((flag) => flag.toLowerCase() === logKeyword.toLowerCase());
