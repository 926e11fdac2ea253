// Tells a caller whose data they see, which version answers, and whether there is a demo; starts the demo.
import { Inject, Optional } from '@nestjs/common';
import { z } from 'zod';
import type { Logger } from '@rejoinder/runtime/logging';
import { DEMO, LOGGER, type DemoSwitch } from '@rejoinder/runtime/tokens';
import { refusal } from '../web/problem.js';
import { Route, V1 } from '../web/route.js';
import { version } from '../web/version.js';
import { ids, text } from '../rest/shapes.js';
import { TenantId } from './caller.js';

const noDemo = 'This installation has no demo.';
const demoState = z.enum(['absent', 'starting', 'running']);
const sessionSchema = z
  .object({
    tenant_id: ids.tenant,
    version: text('0.1.0'),
    demo: z.object({ available: z.boolean().meta({ examples: [true] }), state: demoState }),
  })
  .meta({ id: 'Session' });
const startedSchema = z.object({ state: demoState });

@V1('session')
export class SessionApi {
  constructor(@Optional() @Inject(DEMO) private readonly demo: DemoSwitch | undefined) {}

  @Route({
    method: 'GET',
    says: 'Whose data this caller sees',
    result: 'The tenant, the version, and whether there is a demo',
    answers: sessionSchema,
  })
  session(@TenantId() tenantId: string): z.infer<typeof sessionSchema> {
    return { tenant_id: tenantId, version, demo: { available: this.demo !== undefined, state: this.demo?.state() ?? 'absent' } };
  }
}

@V1('demo')
export class DemoApi {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    @Optional() @Inject(DEMO) private readonly demo: DemoSwitch | undefined,
  ) {}

  /** It calls this API itself, so its end is not waited for; how it goes is told by the session and the inbox. */
  @Route({
    method: 'POST',
    says: 'Starts the demo: its mail server, its inbox, one mail',
    result: 'The demo starts, or runs already; asking again sends nothing more',
    status: 202,
    answers: startedSchema,
    refuses: { 404: [{ code: 'NO_DEMO', detail: noDemo }] },
  })
  start(): z.infer<typeof startedSchema> {
    if (!this.demo) throw refusal(404, 'NO_DEMO', noDemo);
    this.demo.begin().catch((error: unknown) => this.logger.error({ error }, 'the demo could not begin'));
    return { state: this.demo.state() };
  }
}
