// Holds the names this server answers to, known once it listens, and the proxies that stand before it.
import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { FastifyRequest } from 'fastify';
import type { GatewaySettings } from '../config.js';
import { clientOf } from './client-address.js';
import { hostsOf } from './hosts.js';

@Injectable()
export class Doors {
  hosts: ReadonlySet<string> = new Set();

  constructor(@Inject(SETTINGS) private readonly settings: GatewaySettings) {}

  /** It listens here: host:port. */
  open(address: string): void {
    this.hosts = hostsOf(address, this.settings.httpHosts);
  }

  /** The address that a request counts for, whatever stands between. */
  clientOf({ ip, headers }: FastifyRequest): string {
    return clientOf(ip, headers['x-forwarded-for'], this.settings.httpTrustedProxies);
  }
}
