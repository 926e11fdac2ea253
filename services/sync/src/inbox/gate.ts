// Lets so many logins through to one mail server at a time, so that a restart is not a storm.
export class LoginGate {
  readonly #inside = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(private readonly most: number) {}

  async through<T>(host: string, login: () => Promise<T>): Promise<T> {
    await this.#enter(host);
    try {
      return await login();
    } finally {
      this.#leave(host);
    }
  }

  async #enter(host: string): Promise<void> {
    const inside = this.#inside.get(host) ?? 0;
    if (inside < this.most) {
      this.#inside.set(host, inside + 1);
      return;
    }
    const waiting = this.#waiting.get(host) ?? [];
    this.#waiting.set(host, waiting);
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** The place of one who leaves is the next one's at once. */
  #leave(host: string): void {
    const next = this.#waiting.get(host)?.shift();
    if (next) return next();
    const inside = this.#inside.get(host)! - 1;
    if (inside > 0) this.#inside.set(host, inside);
    else {
      this.#inside.delete(host);
      this.#waiting.delete(host);
    }
  }
}
