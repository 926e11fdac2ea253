// Leaves a host alone that turns everybody away, so that a thousand inboxes do not knock at a server that is down or has had enough of us.
import { Fault } from '@rejoinder/base/fault';
import { backoffMs } from '@rejoinder/base/wait';

interface Host {
  /** Inboxes that were turned away since one was answered, as many as it takes. */
  turnedAway: Set<string>;
  pauses: number;
  openAtMs: number;
  fault: Fault | undefined;
}

/** One inbox that is turned away may have itself to blame. */
const inboxesToBrake = 3;
const firstPauseMs = 2_000;
const longestPauseMs = 60_000;

export class HostBrake {
  readonly #hosts = new Map<string, Host>();

  /** `byServer` are the codes by which a host turns away whoever comes, and not this one for something of theirs. */
  constructor(
    private readonly byServer: readonly string[],
    private readonly nowMs: () => number = () => performance.now(),
    private readonly random: () => number = Math.random,
  ) {}

  /** Asks, or refuses as the host did the last time, without asking it. Of those who come after a pause one is let through. */
  async through<T>(host: string, inboxId: string, ask: () => Promise<T>): Promise<T> {
    this.#enter(host);
    try {
      const answer = await ask();
      this.#hosts.delete(host);
      return answer;
    } catch (error) {
      if (error instanceof Fault && this.byServer.includes(error.code)) this.#turnedAway(host, inboxId, error);
      // It is there, whatever it thinks of this one.
      if (error instanceof Fault && ['denied', 'gone'].includes(error.kind)) this.#hosts.delete(host);
      throw error;
    }
  }

  #enter(name: string): void {
    const host = this.#hosts.get(name);
    if (!host?.fault) return;
    const leftMs = host.openAtMs - this.nowMs();
    if (leftMs > 0) throw new Fault(host.fault.kind, host.fault.code, host.fault.message, leftMs * (1 + this.random() / 5));
    host.openAtMs = this.nowMs() + longestPauseMs;
  }

  #turnedAway(name: string, inboxId: string, fault: Fault): void {
    const host = this.#hosts.get(name) ?? { turnedAway: new Set(), pauses: 0, openAtMs: 0, fault: undefined };
    this.#hosts.set(name, host);
    if (host.turnedAway.size < inboxesToBrake) host.turnedAway.add(inboxId);
    if (host.turnedAway.size < inboxesToBrake) return;
    host.fault = fault;
    host.openAtMs = this.nowMs() + backoffMs(++host.pauses, firstPauseMs, longestPauseMs, this.random);
  }
}
