import { canRun, type WorkerNeeds } from "../../../domain/workers/labels.ts";
import type { Claim, Hello } from "../../../domain/workers/protocol.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { LiveAttempt } from "../live-attempt.ts";

/**
 * How long an attempt waits before it goes before younger ones of the same priority, in ms. Until then its message may be on the way to a
 * free slot, and claims arrive in any order.
 */
const DELIVERY_MS = 100;

/** Attempts that the same workers can run: those with a higher priority first, then the older ones. */
type Line = {
  readonly needs: WorkerNeeds;
  readonly mayRerun: boolean;
  readonly attempts: LiveAttempt[];
};

/** What a worker has said about itself, and its claim. */
type Claimant = Pick<Hello, "labels" | "allowedTypes" | "features" | "limits"> & Pick<Claim, "passed" | "takesRerun">;

/** The attempts that no worker has claimed, in the order in which they start. */
export class WaitingOffers {
  readonly #clock: Clock;
  readonly #lines = new Map<string, Line>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(live: LiveAttempt): void {
    const { needs, mayRerun } = live;
    const name = lineOf(live);
    const line = this.#lines.get(name) ?? { needs, mayRerun, attempts: [] };
    this.#lines.set(name, line);
    const at = placeIn(line, live);
    if (line.attempts[at] !== live) line.attempts.splice(at, 0, live);
  }

  remove(live: LiveAttempt): void {
    const name = lineOf(live);
    const line = this.#lines.get(name);
    if (line === undefined) return;
    const at = placeIn(line, live);
    if (line.attempts[at] === live) line.attempts.splice(at, 1);
    if (line.attempts.length === 0) this.#lines.delete(name);
  }

  /** Returns the attempt that a worker has to start instead of the one that it claims, or null. */
  firstBefore(claimed: LiveAttempt, claimant: Claimant): LiveAttempt | null {
    const { passed = [], takesRerun = true } = claimant;
    let first = claimed;
    for (const line of this.#lines.values()) {
      if (!canRun(claimant, line.needs) || (line.mayRerun && !takesRerun)) continue;
      const best = line.attempts.find(
        (each) => each === claimed || (each.isOpen && !each.isBeingClaimed && !passed.includes(each.id)),
      );
      if (best !== undefined && compare(best, first) < 0 && this.#goesBefore(best, claimed)) first = best;
    }
    return first === claimed ? null : first;
  }

  #goesBefore(live: LiveAttempt, claimed: LiveAttempt): boolean {
    return live.priority > claimed.priority || this.#waitedMs(live) >= DELIVERY_MS;
  }

  /** The monotonic clock knows nothing of the time before petit's start. */
  #waitedMs({ offeredAt, offer }: LiveAttempt): number {
    return Math.max(this.#clock.monotonic() - offeredAt, this.#clock.now() - offer.offeredAt);
  }
}

const lineOf = ({ needs, mayRerun }: LiveAttempt): string => JSON.stringify([needs, mayRerun]);

/** Attempts get their ids in the order in which they begin to wait. */
const compare = (one: LiveAttempt, other: LiveAttempt): number => other.priority - one.priority || one.id - other.id;

/** Returns where an attempt is in its line, or has to be. */
const placeIn = ({ attempts }: Line, live: LiveAttempt): number => {
  let [low, high] = [0, attempts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = attempts[middle];
    if (other !== undefined && compare(other, live) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
};
