// How many connections a client may have at once, and how many mails a minute it may send: counted in this process.

/** Clients that are remembered; beyond, those that have waited longest are counted anew. */
const maxClients = 10_000;
const minuteMs = 60_000;

export class ClientLimits {
  readonly #open = new Map<string, number>();
  readonly #mails = new Map<string, { since: number; count: number }>();

  constructor(private readonly limits: { connections: number; mailsPerMinute: number }) {}

  /** False where the client has as many as it may; else it must leave again. */
  enter(client: string): boolean {
    const open = this.#open.get(client) ?? 0;
    if (open >= this.limits.connections) return false;
    this.#open.set(client, open + 1);
    return true;
  }

  leave(client: string): void {
    const open = (this.#open.get(client) ?? 1) - 1;
    if (open > 0) this.#open.set(client, open);
    else this.#open.delete(client);
  }

  /** False where the client has sent as many within the minute as it may. */
  mail(client: string, now: number): boolean {
    let minute = this.#mails.get(client);
    if (!minute || now - minute.since >= minuteMs) {
      this.#mails.delete(client);
      if (this.#mails.size >= maxClients) this.#mails.delete(this.#mails.keys().next().value!);
      minute = { since: now, count: 0 };
      this.#mails.set(client, minute);
    }
    return ++minute.count <= this.limits.mailsPerMinute;
  }
}
