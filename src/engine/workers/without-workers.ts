import type { RunId } from "../../domain/ids.ts";
import { ENDING_REASONS, type EndingReason } from "../../domain/run.ts";
import type { WorkerWait } from "../../domain/workers/waiting.ts";
import { anyAborted } from "../../lib/abort.ts";
import type { Store } from "../../store/store.ts";
import type { AttemptDriver } from "../attempt/driver.ts";
import { describeEnd } from "../attempt/exit-status.ts";
import type { AttemptResult, RunAttemptOptions } from "../attempt/run-attempt.ts";
import { needsOf } from "./offered-task.ts";

/**
 * The driver of tasks with `runs_on` in a petit without workers. It runs nothing. An attempt, which a worker may have claimed before,
 * waits until petit is started with workers again, or until its run is ended.
 */
export class WithoutWorkers {
  readonly driver: AttemptDriver;
  readonly #store: Pick<Store, "runs" | "offers">;
  readonly #waiting = new Set<RunAttemptOptions>();
  /** The ids of those that a worker had claimed before. */
  readonly #claimed = new Set<number>();

  constructor(store: Pick<Store, "runs" | "offers">) {
    this.#store = store;
    this.driver = {
      outlivesPetit: true,
      store: ({ run, node, task, now }) => store.runs.offerAttempt(run, node, { labels: task.runsOn ?? [], now }),
      run: (options) => this.#run(options),
      isExecuting: ({ id }) => this.#claimed.has(id),
      release: ({ id }) => void this.#claimed.delete(id),
    };
  }

  async #run(options: RunAttemptOptions): Promise<AttemptResult> {
    const { services, end, now, attempt } = options;
    const { detach } = services;
    if (this.#store.offers.find(attempt.id)?.state === "claimed") this.#claimed.add(attempt.id);
    this.#waiting.add(options);
    await anyAborted([end, detach]);
    this.#waiting.delete(options);
    detach.throwIfAborted();
    const reason: EndingReason = ENDING_REASONS.find((each) => each === end.reason) ?? "cancelled";
    const error = describeEnd(reason, null);
    const outcome = { status: "failed", reason, error, exitCode: null, signal: null } as const;
    return { outcome, outputs: {}, transient: false, endedAt: now() };
  }

  /** Returns the attempts that wait for a worker, of all runs or of one; the oldest first. */
  listWaits(runId?: RunId): readonly WorkerWait[] {
    return [...this.#waiting].flatMap((options) => {
      const { attempt, context } = options;
      const offer = runId === undefined || attempt.runId === runId ? this.#store.offers.find(attempt.id) : null;
      if (offer?.state !== "offered") return [];
      const { taskId, item } = attempt;
      const { labels, offeredAt: since } = offer;
      return [
        {
          runId: attempt.runId,
          jobId: context.run.jobId,
          taskId,
          item,
          labels,
          ...needsOf(options),
          since,
        },
      ];
    });
  }
}
