// Tells over HTTP whether this role has started, may be given work and lives.
import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Drain } from '@rejoinder/runtime/drain';
import { answerHealth, type RoleHealth } from '@rejoinder/runtime/health';
import { Workers } from '@rejoinder/runtime/workers';
import { Feed } from '../feed/feed.js';

/** It knows of itself alone: what all roles of a process say is told at REJOINDER_HEALTH_LISTEN. */
@Controller('health')
export class HealthApi {
  constructor(
    private readonly workers: Workers,
    private readonly feed: Feed,
    private readonly drain: Drain,
  ) {}

  @Get(':probe')
  health(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const { status, body } = answerHealth(request.url.split('?')[0]!, [this.#self()]) ?? {
      status: 404,
      body: { error: 'ask live, ready or startup' },
    };
    void reply.code(status).header('cache-control', 'no-store').send(body);
  }

  #self(): RoleHealth {
    const troubles = [...this.workers.health(), this.feed.health()].filter((one) => one !== undefined);
    return { role: 'gateway', started: true, ready: !this.drain.unready.aborted, troubles };
  }
}
