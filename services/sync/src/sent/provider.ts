// Which providers put a copy of what was sent through them into Sent by themselves.

/** Hosts, or the domains they end in. Sources: knowledge/providers (Gmail, Zoho); Exchange Online saves what was submitted by SMTP AUTH. */
const saving = ['gmail.com', 'googlemail.com', 'google.com', 'office365.com', 'outlook.com', 'zoho.com', 'zoho.eu'];

/** Takes the IMAP host. Gives true where an APPEND would make a second copy. */
export function savesSentItself(host: string): boolean {
  const name = host.toLowerCase();
  return saving.some((domain) => name === domain || name.endsWith(`.${domain}`));
}
