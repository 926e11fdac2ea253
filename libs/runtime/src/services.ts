// The services of the house, in the order in which they start: the one with the door to the outside last, so that who is let in meets all of them.

export const services = ['connections', 'sync', 'threading', 'attachment', 'sending', 'timeline', 'retention', 'gateway'] as const;

export type ServiceName = (typeof services)[number];
