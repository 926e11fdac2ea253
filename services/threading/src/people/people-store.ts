// Who is on a mail, as SQL asks it of a node: somebody of the never-log list, or a contact whose mail is captured.

/** Everybody a mail names: its people, and their domains. */
export const named = (node: string) => `array_cat(array_append(${node}.recipient_hashes, ${node}.from_hash), ${node}.domain_hashes)`;

/** Somebody on this mail is on the list; what was captured before they were put there is not meant. */
export const isNeverLogged = (
  node: string,
) => `exists (select from never_log nl where nl.tenant_id = ${node}.tenant_id and nl.entry_hash = any (${named(node)})
  and (${node}.capture is distinct from 'captured' or ${node}.seen_at >= nl.since))`;

/** Mail to many is exchanged with nobody, and a report is a mail server's. */
const isBetweenPeople = (node: string) => `${node}.kind not in ('list', 'delivery_report')`;

/**
 * An inbox that captures all mail of contacts got this mail since it does, and a contact is on it; own addresses are no contacts. What was captured
 * for that stays when the choice is taken back.
 */
export const isOfContact = (
  node: string,
) => `(${node}.by_contact and ${node}.capture is not distinct from 'captured' or ${isBetweenPeople(node)}
  and exists (select from own_address o where o.tenant_id = ${node}.tenant_id and o.inbox_id = any (${node}.inbox_ids) and not o.removed and o.capture_since <= ${node}.received_at)
  and exists (select from contact_address c where c.tenant_id = ${node}.tenant_id and c.address_hash = any (array_append(${node}.recipient_hashes, ${node}.from_hash))
    and not exists (select from own_address o where o.tenant_id = c.tenant_id and o.address_hash = c.address_hash)))`;
