// REST of API keys: listed, made and ended.
import { randomBytes } from 'node:crypto';
import { Inject } from '@nestjs/common';
import { z } from 'zod';
import type { Logger } from '@rejoinder/runtime/logging';
import { LOGGER } from '@rejoinder/runtime/tokens';
import { ids, optionalTime, refusal, text, time } from '../rest/shapes.js';
import { FromBody, FromPath, Route, V1 } from '../web/route.js';
import { ApiKeyStore, maxApiKeys, type ApiKeyRow } from './api-key-store.js';
import { CallerId, TenantId } from './caller.js';

const keyBytes = 24;
const maxName = 100;

const name = z
  .string()
  .trim()
  .min(1)
  .max(maxName)
  .meta({ description: 'Who uses it, for people', examples: ['CRM'] });
const newBody = z.strictObject({ name });
const keySchema = z
  .object({
    api_key_id: ids.apiKey,
    name,
    prefix: text('rk_a81X').meta({ description: 'What it begins with' }),
    made_at: time,
    ended_at: optionalTime.meta({ description: 'Since when it lets nobody in; null where it does' }),
  })
  .meta({ id: 'ApiKey' });
const madeSchema = keySchema
  .extend({ key: text('rk_a81XqJ0Yw3vTn5bRk2LmZc7dEf9GhPsU').meta({ description: 'Told now and never again: only its hash is kept' }) })
  .meta({ id: 'NewApiKey' });
const listSchema = z.object({ api_keys: z.array(keySchema) });

@V1('api-keys')
export class ApiKeysApi {
  constructor(
    private readonly store: ApiKeyStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Route({
    method: 'GET',
    says: 'All API keys of the tenant, those that were ended as well',
    result: 'The keys that stand, oldest first, then those that were ended',
    answers: listSchema,
  })
  async list(@TenantId() tenantId: string): Promise<z.infer<typeof listSchema>> {
    return { api_keys: (await this.store.list(tenantId)).map(told) };
  }

  @Route({
    method: 'POST',
    says: `Makes an API key, which may do all that this one may; up to ${maxApiKeys} stand at once`,
    result: 'The key, which is told this once',
    status: 201,
    answers: madeSchema,
    refuses: { 409: [refusal('API_KEYS_MANY')] },
  })
  async make(@TenantId() tenantId: string, @FromBody(newBody) body: z.infer<typeof newBody>): Promise<z.infer<typeof madeSchema>> {
    const key = `rk_${randomBytes(keyBytes).toString('base64url')}`;
    const row = await this.store.add(tenantId, body.name, key);
    this.logger.info({ tenantId, apiKeyId: row.apiKeyId }, 'an API key was made');
    return { ...told(row), key };
  }

  @Route({
    method: 'DELETE',
    path: ':api_key_id',
    says: 'Ends an API key for ever: at once for whatever is asked with it, within seconds for streams of events; not the key that this is asked with',
    result: 'It lets nobody in, also where it was ended before',
    status: 204,
    answers: 'nothing',
    refuses: { 409: [refusal('API_KEY_OWN')] },
  })
  async end(
    @TenantId() tenantId: string,
    @CallerId() callerId: string,
    @FromPath('api_key_id', ids.apiKey) apiKeyId: string,
  ): Promise<void> {
    if (await this.store.end(tenantId, apiKeyId, callerId)) this.logger.info({ tenantId, apiKeyId }, 'an API key was ended');
  }
}

function told({ apiKeyId, name: said, prefix, madeAt, endedAt }: ApiKeyRow): z.infer<typeof keySchema> {
  return { api_key_id: apiKeyId, name: said, prefix, made_at: madeAt.toISOString(), ended_at: endedAt?.toISOString() ?? null };
}
