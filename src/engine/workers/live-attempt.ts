import { priorityOfRun } from "../../domain/limits/queue.ts";
import type { WorkerNeeds } from "../../domain/workers/labels.ts";
import type { EndOrder } from "../../domain/workers/protocol.ts";
import type { Blocked } from "../../domain/workers/waiting.ts";
import type { StoredClaim, StoredOffer } from "../../store/workers/offers.ts";
import type { AttemptResult, RunAttemptOptions } from "../attempt/run-attempt.ts";
import { needsOf } from "./offered-task.ts";
import { ReceivedOutput } from "./requests/received-output.ts";

/**
 * An attempt that is offered to workers, or that one of them has claimed. It repeats in memory what the store has, so that messages are
 * judged by one state, in the order in which they arrive.
 */
export class LiveAttempt {
  readonly options: RunAttemptOptions;
  readonly output: ReceivedOutput;
  /** When it was first offered, in ms of the monotonic clock. */
  readonly offeredAt: number;
  /** Resolves with how it ended. */
  readonly result: Promise<AttemptResult>;
  /** Resolves when its end is stored. */
  readonly stored: Promise<void>;
  /** Why its worker must end it; null if it need not. */
  end: EndOrder | null = null;
  /** Why it does not reach a worker, or why its end does not reach petit; null if nothing keeps it. */
  blocked: Blocked | null = null;
  /** Resolves when the outcome is stored. Null until the worker has sent it. */
  outcome: Promise<unknown> | null = null;
  #offer: StoredOffer;
  readonly #needs: Omit<WorkerNeeds, "labels">;
  /** The workers that had it at earlier epochs, since petit's start. */
  readonly #earlier = new Map<number, string>();
  /** True if it was restored, and its worker does not have it any more. */
  isMissing = false;
  #isOver = false;
  /** How many claims of it are being decided. */
  #claims = 0;
  readonly #ended = Promise.withResolvers<AttemptResult>();
  readonly #released = Promise.withResolvers<void>();

  constructor(options: RunAttemptOptions, offer: StoredOffer) {
    this.options = options;
    this.#offer = offer;
    this.#needs = needsOf(options);
    this.offeredAt = options.services.clock.monotonic();
    this.result = this.#ended.promise;
    this.stored = this.#released.promise;
    this.output = new ReceivedOutput({
      attempt: options,
      offer: () => this.#offer,
      claim: () => this.claim,
      onStored: (storedOffset) => {
        this.#offer = { ...this.#offer, storedOffset };
      },
    });
  }

  get id(): number {
    return this.#offer.attemptId;
  }

  /** What is stored about the offer. */
  get offer(): StoredOffer {
    return this.#offer;
  }

  /** Sets what is stored, after the commit. */
  set offer(offer: StoredOffer) {
    if (offer.epoch !== this.#offer.epoch && this.#offer.claim !== null)
      this.#earlier.set(this.#offer.epoch, this.#offer.claim.worker);
    this.#offer = offer;
  }

  /** Returns whether a worker had it at an earlier epoch. */
  wasClaimedBy(worker: string, epoch: number): boolean {
    return this.#earlier.get(epoch) === worker;
  }

  /** True once the end of the attempt is decided. From then on, no message of a worker can change it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** True while any worker may claim it. */
  get isOpen(): boolean {
    return !this.#isOver && this.#offer.state === "offered";
  }

  /**
   * True if petit was restored from a copy in which it was running, and no worker has it by that copy: it was offered then, or its worker
   * says that it lacks it. It may have ended since, or run elsewhere. No message of a worker can change it.
   */
  get isGone(): boolean {
    return !this.#isOver && (this.isMissing || this.#offer.state === "withdrawn");
  }

  /** The priority of its run. */
  get priority(): number {
    return priorityOfRun(this.options.context);
  }

  /** True if it is made anew when its worker is lost. Then it must not run anywhere any more. */
  get mayRerun(): boolean {
    const { context, services } = this.options;
    return (context.job.onInterrupt ?? services.settings.onInterrupt) === "rerun";
  }

  /** True while a claim of it is being decided. */
  get isBeingClaimed(): boolean {
    return this.#claims > 0;
  }

  /** Decides about a claim of it with `decide`. */
  async whileClaimed<T>(decide: () => Promise<T>): Promise<T> {
    this.#claims++;
    try {
      return await decide();
    } finally {
      this.#claims--;
    }
  }

  /** What its worker must have, must allow, must know, and must enforce. */
  get needs(): WorkerNeeds {
    return { labels: this.#offer.labels, ...this.#needs };
  }

  /** The claim of the worker that has it; null while it is open, and when it is over. */
  get claim(): StoredClaim | null {
    return this.#isOver || this.isMissing || this.#offer.state !== "claimed" ? null : this.#offer.claim;
  }

  /** Returns whether a worker has it, at this epoch. */
  isClaimedBy(worker: string, epoch: number): boolean {
    return this.claim?.worker === worker && this.#offer.epoch === epoch;
  }

  /** Ends it. The first end wins. */
  finish(result: AttemptResult): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended.resolve(result);
  }

  /** Ends it with an error of petit itself. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended.reject(error);
  }

  /** Called when its end is stored. */
  release(): void {
    this.#released.resolve();
  }

  /** The fields of its log lines. */
  get logFields() {
    const { context, attempt } = this.options;
    const { epoch, claim } = this.#offer;
    return {
      run_id: attempt.runId,
      job_id: context.run.jobId,
      task_id: attempt.taskId,
      attempt: this.id,
      epoch,
      ...(claim !== null && { worker: claim.worker }),
    };
  }
}
