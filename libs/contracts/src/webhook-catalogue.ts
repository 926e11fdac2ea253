// The part of the error catalogue that is about webhooks: why one cannot be made, and why a receiver took nothing.

export const webhookCatalogue = {
  WEBHOOK_URL: {
    kind: 'invalid',
    sentence: 'A webhook needs an address that begins with https:// and has no user name, password or # in it.',
    action: 'Check the address',
  },
  WEBHOOK_PORT: { kind: 'invalid', sentence: 'This port is not allowed for webhooks.', action: 'Use 443 or 8443' },
  WEBHOOK_BLOCKED: {
    kind: 'invalid',
    sentence: 'The address of the webhook is inside a private network.',
    action: 'Ask the administrator',
  },
  WEBHOOKS_MANY: { kind: 'conflict', sentence: 'There are 10 webhooks already, which is as many as may be.', action: 'Remove one' },
  WEBHOOK_NOT_FOUND: { kind: 'not_found', sentence: 'There is no such webhook.', action: '' },
  WEBHOOK_CHANGED: { kind: 'conflict', sentence: 'Somebody else has changed this webhook meanwhile.', action: 'Look again' },
  WEBHOOK_OFF: { kind: 'conflict', sentence: 'The webhook is switched off.', action: 'Switch it on' },
  WEBHOOK_DELIVERY_NOT_FOUND: {
    kind: 'not_found',
    sentence: 'This event was not told to the webhook, or is no longer kept.',
    action: '',
  },
  WEBHOOK_TESTS: { kind: 'busy', sentence: 'Too many tests within a minute.', action: 'Wait a minute' },
  WEBHOOK_HOST: { kind: 'broken', sentence: 'There is no host of this name.', action: 'Check the address' },
  WEBHOOK_CLOSED: { kind: 'broken', sentence: 'Nothing answers at this address and port.', action: 'Check the address' },
  WEBHOOK_TIMEOUT: { kind: 'broken', sentence: 'The receiver did not answer within 15 seconds.', action: 'Answer before the work is done' },
  WEBHOOK_LOST: { kind: 'broken', sentence: 'The connection to the receiver broke before it had answered.', action: '' },
  WEBHOOK_TLS: {
    kind: 'broken',
    sentence: 'The certificate of the receiver is not valid for this host name, or nobody we trust has signed it.',
    action: 'Check the certificate',
  },
  WEBHOOK_REDIRECT: {
    kind: 'broken',
    sentence: 'The receiver answered with a redirect, which is not followed.',
    action: 'Use the address that it leads to',
  },
  WEBHOOK_REFUSED: { kind: 'broken', sentence: 'The receiver did not take it.', action: 'Look into its log' },
  WEBHOOK_THROTTLED: { kind: 'busy', sentence: 'The receiver asked for fewer requests.', action: '' },
  WEBHOOK_BUSY: { kind: 'busy', sentence: 'The receiver is out of service for a while.', action: '' },
  WEBHOOK_GONE: {
    kind: 'gone',
    sentence: 'The receiver answered that it wants no more (410), so it was switched off.',
    action: 'Switch it on',
  },
  WEBHOOK_FAILING: {
    kind: 'gone',
    sentence: 'The receiver took nothing for days, so it was switched off.',
    action: 'Switch it on',
  },
  WEBHOOK_EXPIRED: { kind: 'gone', sentence: 'It had waited for too long when it could have been told.', action: 'Replay it' },
  WEBHOOK_EVENT_GONE: { kind: 'gone', sentence: 'The event is no longer kept.', action: '' },
} as const;
