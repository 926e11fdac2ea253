// Tells a receiver outside: by HTTPS at a checked address, following nothing, and hearing no more of the answer than its status.
import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import type { Private } from '@rejoinder/base/private';
import { delay } from '@rejoinder/base/wait';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { askAddresses } from '@rejoinder/runtime/host';
import { ask, openPlace, type Place } from '@rejoinder/runtime/https';
import { openOutside, type Outside } from '@rejoinder/runtime/outside';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import { settings as known, type GatewaySettings } from '../config.js';
import { version } from '../web/version.js';
import { signedHeaders, type ToSign } from './signature.js';
import type { Answer } from './verdict.js';
import { readUrl } from './webhook.js';

const answerMs = 15_000;
/** Of the answer so much is read, for so long, that its connection can serve again; beyond that it is closed. */
const maxAnswerBytes = 65_536;
const drainMs = 1_000;

@Injectable()
export class ReceiverClient {
  readonly #outside: Outside;

  constructor(@Inject(SETTINGS) private readonly settings: GatewaySettings) {
    const ca = { file: settings.webhookCaFile, setting: known.webhookCaFile.env };
    this.#outside = openOutside(settings.webhookAllowedNetworks, settings.webhookAllowedPorts, ca);
  }

  /** Refuses an address that nothing could ever be told to; a host that is not there yet may come. */
  async check(text: string): Promise<void> {
    const url = readUrl(text);
    if (!url) throw faultOf('WEBHOOK_URL');
    await this.#open(url).then(
      (place) => place.agent.destroy(),
      (error: unknown) => {
        if (!(error instanceof Fault)) throw error;
        if (error.code === 'HOST_BLOCKED') throw faultOf('WEBHOOK_BLOCKED');
        if (error.code === 'PORT_BLOCKED') throw faultOf('WEBHOOK_PORT');
      },
    );
  }

  /** For several tries over the same connections, until it is closed. What the host's name means is asked once. */
  async open(text: string): Promise<Receiver | { code: string }> {
    const url = readUrl(text);
    try {
      return new Receiver(await this.#open(url!));
    } catch (error) {
      if (error instanceof Fault) return { code: error.code };
      throw error;
    }
  }

  #open(url: URL): Promise<Place> {
    return openPlace(url, this.#outside, (host) => askAddresses(host, this.settings.webhookNameServers));
  }
}

/** A receiver whose address was checked. */
export class Receiver {
  constructor(private readonly place: Place) {}

  /** Where the signal fires before there is an answer, nobody knows whether it was taken. */
  async tell(what: ToSign, secrets: readonly Private<string>[], signal?: AbortSignal): Promise<Answer> {
    const headers = { ...signedHeaders(what, secrets), 'content-type': 'application/json', 'user-agent': `Rejoinder/${version}` };
    const late = AbortSignal.timeout(answerMs);
    const until = signal ? AbortSignal.any([signal, late]) : late;
    try {
      const response = await ask(this.place, { method: 'POST', headers, body: what.body, signal: until });
      await drain(response);
      return { status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] };
    } catch (error) {
      return { code: (error as { code?: string }).code };
    }
  }

  close(): void {
    this.place.agent.destroy();
  }
}

async function drain(response: IncomingMessage): Promise<void> {
  let left = maxAnswerBytes;
  const over = new AbortController();
  response.on('data', (chunk: Buffer) => (left -= chunk.length) < 0 && response.destroy());
  response.once('close', () => over.abort());
  await delay(drainMs, over.signal);
  response.destroy();
}
