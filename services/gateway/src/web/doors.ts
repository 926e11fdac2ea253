// Holds the names this server answers to, known once it listens.
import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { GatewaySettings } from '../config.js';
import { hostsOf } from './hosts.js';

@Injectable()
export class Doors {
  hosts: ReadonlySet<string> = new Set();

  constructor(@Inject(SETTINGS) private readonly settings: GatewaySettings) {}

  /** It listens here: host:port. */
  open(address: string): void {
    this.hosts = hostsOf(address, this.settings.httpHosts);
  }
}
