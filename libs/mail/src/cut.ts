// Whether a mail has left the conversation it cites: someone took an old mail to write to other people (threading §1.5, rule 5).

/** What is kept of a mail to judge it and those that cite it; no text. Strings are compared only: addresses or keyed hashes alike. */
export interface CutFacts {
  /** Everyone on the mail, less own addresses. The address of a list is on it like a person, so that all mail of the list shares it. */
  people: readonly string[];
  /** Base subject (`baseSubject`). */
  subject: string;
  /** `carriesQuote` of its text; undefined while its text has not been read. */
  carriesQuote: boolean | undefined;
  /** A delivery report comes from a mail server, and quotes nothing. Any other mail that a program wrote is compared as a person's: anybody can mark his own. */
  isReport: boolean;
}

export type CutRule =
  | 'no_ancestor'
  | 'quotes'
  | 'report'
  | 'no_people'
  | 'shared_people'
  | 'disjoint_people_no_quote'
  | 'disjoint_people_new_subject'
  | 'disjoint_people_text_unread';

/** `ask_text`: the verdict hangs on `carriesQuote`, so the text must be read to know (command `CaptureMail{only_if_quoting}`). */
export interface CutVerdict {
  cut: boolean | 'ask_text';
  rule: CutRule;
}

/**
 * Takes the facts of a mail and of its nearest ancestor that is known.
 * Gives whether it is cut off from it. Never if it quotes, is a delivery report, has no outside people, or shares one of them. Else A: its people are all others and nothing is quoted. B: its people are all others, the base subject is
 * new, and the text has not been read: then it need not be. Depends on these two mails only, so the order in which mails arrive
 * changes nothing. Linear in the number of people.
 */
export function judgeCut(child: CutFacts, nearestAncestor: CutFacts | undefined): CutVerdict {
  if (!nearestAncestor) return { cut: false, rule: 'no_ancestor' };
  if (child.carriesQuote === true) return { cut: false, rule: 'quotes' };
  if (child.isReport) return { cut: false, rule: 'report' };
  if (child.people.length === 0) return { cut: false, rule: 'no_people' };
  if (share(child.people, nearestAncestor.people)) return { cut: false, rule: 'shared_people' };
  if (child.carriesQuote === false) return { cut: true, rule: 'disjoint_people_no_quote' };
  if (child.subject !== nearestAncestor.subject) return { cut: true, rule: 'disjoint_people_new_subject' };
  return { cut: 'ask_text', rule: 'disjoint_people_text_unread' };
}

function share(some: readonly string[], others: readonly string[]): boolean {
  const known = new Set(others);
  return some.some((one) => known.has(one));
}
