// The services of the house, in the order in which they start: the one with the door to the outside after all that mail needs, so that who is let in meets
// them; retention last, whose proof asks everybody.

export const services = ['connections', 'sync', 'threading', 'attachment', 'sending', 'timeline', 'gateway', 'retention'] as const;

export type ServiceName = (typeof services)[number];
