// The services of the house, in the order in which they are named.

export const services = ['connections', 'sync', 'threading', 'attachment', 'sending', 'timeline', 'gateway', 'retention'] as const;

export type ServiceName = (typeof services)[number];
