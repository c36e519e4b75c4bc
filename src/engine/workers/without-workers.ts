import { ENDING_REASONS, type EndingReason } from "../../domain/run.ts";
import type { AttemptOutcome } from "../../domain/task-run.ts";
import { anyAborted } from "../../lib/abort.ts";
import type { Store } from "../../store/store.ts";
import type { AttemptDriver } from "../attempt/driver.ts";
import { describeEnd } from "../attempt/exit-status.ts";
import type { AttemptResult, RunAttemptOptions } from "../attempt/run-attempt.ts";

/**
 * Returns the driver of tasks with `runs_on` in a petit that has no workers. Such a task fails. An attempt that a worker has
 * claimed before waits until petit is started with workers again, or until its run is ended.
 */
export const withoutWorkers = (store: Pick<Store, "runs" | "offers">): AttemptDriver => ({
  outlivesPetit: true,
  store: ({ run, node, task, now }) => store.runs.offerAttempt(run, node, { labels: task.runsOn ?? [], now }),
  run: async (options) => {
    if (store.offers.find(options.attempt.id)?.state !== "claimed")
      return fail(options, { reason: "spawn_failed", error: "runs_on needs --nats" });
    const { end, detach } = options;
    await anyAborted([end, detach]);
    detach.throwIfAborted();
    const reason: EndingReason = ENDING_REASONS.find((each) => each === end.reason) ?? "cancelled";
    return fail(options, { reason, error: describeEnd(reason, null) });
  },
  release: ({ spool, spools }) => spools.remove(spool),
});

const fail = ({ now }: RunAttemptOptions, outcome: Pick<AttemptOutcome, "reason" | "error">): AttemptResult => ({
  outcome: { ...outcome, status: "failed", exitCode: null, signal: null },
  outputs: {},
  transient: false,
  endedAt: now(),
});
