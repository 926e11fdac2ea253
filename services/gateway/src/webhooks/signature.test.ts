// Signatures as the reference library of Standard Webhooks makes and takes them.
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { Private } from '@rejoinder/base/private';
import { signedHeaders } from './signature.js';
import { newSecret } from './webhook.js';

const what = { id: '019ab1cc-7f43-7d58-8b0f-a4b5c6d7e8ba', at: new Date(), body: '{"type":"Test","data":{"name":"Ångström – 東京"}}' };

describe('the signature of a webhook', () => {
  test('is what the example of the specification says', () => {
    const secret = new Private('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    const at = new Date(1_614_265_330_000);
    const headers = signedHeaders({ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at, body: '{"test": 2432232314}' }, [secret]);
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  test('is taken by the reference library, with the new secret and with the one before', () => {
    const [now, before] = [newSecret(), newSecret()];
    const headers = signedHeaders(what, [now, before]);
    expect(headers['webhook-signature']).toMatch(/^v1,\S{44} v1,\S{44}$/);
    for (const secret of [now, before]) expect(new Webhook(secret.reveal()).verify(what.body, headers)).toMatchObject({ type: 'Test' });
  });

  test('is refused of another secret, body, id or time', () => {
    const secret = newSecret();
    const headers = signedHeaders(what, [secret]);
    const refused = (body: string, changed: object, by = secret) => {
      expect(() => new Webhook(by.reveal()).verify(body, { ...headers, ...changed })).toThrow('No matching signature found');
    };
    refused(what.body, {}, newSecret());
    refused(`${what.body} `, {});
    refused(what.body, { 'webhook-id': 'other' });
    refused(what.body, { 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 1) });
  });
});
