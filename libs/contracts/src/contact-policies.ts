// Who becomes a contact by a mail, as the settings of a tenant have it; shared by connections, timeline, API and console.

/** Who wrote in and who was written to; only whom own people wrote to; nobody. */
export const contactPolicies = ['everyone', 'written_to', 'nobody'] as const;

export type ContactPolicy = (typeof contactPolicies)[number];
