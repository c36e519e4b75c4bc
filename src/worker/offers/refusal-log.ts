import type { ReceivedKey } from "../../store/workers/received.ts";

/** How many attempts are remembered; the one that was refused first is forgotten first. */
const MAX_ATTEMPTS = 1_000;

/** Remembers why offers were last refused, because an offer that is given back arrives again every few seconds. */
export class RefusalLog {
  readonly #reasons = new Map<string, string>();

  /** Notes why an offer is refused. Returns false if the same attempt was refused for the same reason the last time. */
  isNew({ scheduler, attempt }: Pick<ReceivedKey, "scheduler" | "attempt">, reason: string): boolean {
    const key = `${scheduler}/${attempt}`;
    if (this.#reasons.get(key) === reason) return false;
    this.#reasons.set(key, reason);
    for (const oldest of this.#reasons.keys()) {
      if (this.#reasons.size <= MAX_ATTEMPTS) break;
      this.#reasons.delete(oldest);
    }
    return true;
  }
}
