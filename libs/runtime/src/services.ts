// The services of the house, in the order in which they start.

export const services = ['gateway', 'connections', 'sync', 'threading', 'attachment', 'sending', 'timeline', 'retention'] as const;

export type ServiceName = (typeof services)[number];
