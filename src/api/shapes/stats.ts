import { t } from "elysia";
import type { JobId } from "../../domain/ids.ts";
import type { AttentionList } from "../../domain/inbox/entry.ts";
import type { RunStatus } from "../../domain/run.ts";
import type { Outcome } from "../../domain/schedule/occurrence.ts";
import type { ApiContext } from "../context.ts";
import { AttentionCounts } from "./attention/attention.ts";
import { activityBody, WaitingCountsBody } from "./limits/waits-for.ts";
import { exactly, instant, integer } from "./schemas.ts";

const number = (description: string) => integer({ minimum: 0, description });

export const StatsBody = exactly(
  {
    hours: number("Length of the period"),
    from: instant("Start of the period"),
    to: instant("End of the period, the time of the request"),
    runs: exactly(
      {
        completed: number("Completed"),
        failed: number("Failed"),
        cancelled: number("Cancelled"),
        interrupted: number("Interrupted"),
        total: number("Total"),
      },
      { description: "Runs that ended in the period, by status" },
    ),
    occurrences: exactly(
      {
        fired: number("Fired"),
        skipped: number("Skipped"),
        missed: number("Missed"),
        total: number("Total"),
      },
      { description: "Occurrences in the period, by outcome" },
    ),
    deliveries: t.Optional(
      exactly(
        { skipped: number("Skipped"), waiting: number("Waiting without a run") },
        { description: "Deliveries that were received in the period and have no run, by outcome" },
      ),
    ),
    running: number("Runs that have started and not ended, also those that only wait"),
    pending: number("Runs that have not started"),
    executing: t.Optional(number("Running runs that do more than wait")),
    waiting: WaitingCountsBody,
    attention: AttentionCounts,
    success_rate: t.Union([t.Number({ minimum: 0, maximum: 1 }), t.Null()], {
      description: "Share of completed runs among those that were not cancelled; null if there was none",
    }),
  },
  {
    title: "Stats",
    description: "Numbers of recent runs and occurrences",
    examples: [
      {
        hours: 24,
        from: 1767139200000,
        to: 1767225600000,
        runs: { completed: 40, failed: 1, cancelled: 0, interrupted: 0, total: 41 },
        occurrences: { fired: 40, skipped: 2, missed: 0, total: 42 },
        deliveries: { skipped: 1, waiting: 0 },
        running: 1,
        pending: 0,
        executing: 1,
        waiting: {},
        attention: {
          job_failing: 1,
          job_flapping: 0,
          not_run_as_expected: 0,
          job_stale: 0,
          run_stuck: 0,
          run_late: 0,
          memory_near_limit: 0,
          approval_needed: 0,
          worker_unreachable: 0,
          worker_refused: 0,
          no_worker: 0,
          nats_unreachable: 0,
          transfer_blocked: 0,
          notifications_undelivered: 0,
          heartbeat_failing: 0,
          traces_failing: 0,
          backup_failed: 0,
          search_index_failing: 0,
          trigger_failing: 0,
          internal_error: 0,
          retention_undecided: 0,
          open_to_users: 0,
          lost_processes: 0,
          limits_not_enforced: 0,
          job_file_broken: 0,
          jobs_commit_refused: 0,
          jobs_repository_failed: 0,
          commit_files_changed: 0,
          token_expiring: 0,
          token_expired: 0,
          secret_unreadable: 0,
        },
        success_rate: 0.9756,
      },
    ],
  },
);

const HOUR_MS = 3_600_000;

type StatsOptions = {
  readonly hours: number;
  /** Only these jobs; null for all. */
  readonly jobIds: ReadonlySet<JobId> | null;
  readonly attention: AttentionList;
};

export const statsBody = (
  { hours, jobIds, attention }: StatsOptions,
  { engine, store, clock }: Pick<ApiContext, "engine" | "store" | "clock">,
): typeof StatsBody.static => {
  const to = clock.now();
  const from = to - hours * HOUR_MS;
  const list = jobIds === null ? null : [...jobIds];
  const runs = runCounts(store.runs.countEndedByStatus(from, list));
  const occurrences = occurrenceCounts(store.occurrences.countByOutcome({ from, to, jobIds: list }));
  const deliveries = store.deliveries.countUnfired({ from, to, jobIds: list });
  return {
    hours,
    from,
    to,
    runs,
    occurrences,
    deliveries: { skipped: deliveries.get("skipped") ?? 0, waiting: deliveries.get("waiting") ?? 0 },
    ...activityBody(engine.activity(jobIds)),
    attention: { ...attention.counts },
    success_rate: successRate(runs),
  };
};

const runCounts = (counts: ReadonlyMap<RunStatus, number>) => ({
  completed: counts.get("completed") ?? 0,
  failed: counts.get("failed") ?? 0,
  cancelled: counts.get("cancelled") ?? 0,
  interrupted: counts.get("interrupted") ?? 0,
  total: sum(counts),
});

const occurrenceCounts = (counts: ReadonlyMap<Outcome, number>) => ({
  fired: counts.get("fired") ?? 0,
  skipped: counts.get("skipped") ?? 0,
  missed: counts.get("missed") ?? 0,
  total: sum(counts),
});

const sum = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((all, count) => all + count, 0);

type EndedRunCounts = { readonly completed: number; readonly failed: number; readonly interrupted: number };

/** Returns the share of completed runs, ignoring cancelled ones, or null if there was none. */
export const successRate = ({ completed, failed, interrupted }: EndedRunCounts): number | null => {
  const total = completed + failed + interrupted;
  return total === 0 ? null : completed / total;
};
