// Names of the mailboxes of the idle bench.
export const mailbox = (n: number) => `idle${n}@crm.test`;
/** Mailboxes that a bare client looks at, beside those that are held. */
export const twin = (n: number) => `twin${n}@crm.test`;
