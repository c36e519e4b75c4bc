import { t } from "elysia";
import type { RunStatus } from "../../domain/run.ts";
import type { Outcome } from "../../domain/schedule/occurrence.ts";
import type { ApiContext } from "../context.ts";
import { exactly, instant, integer } from "./schemas.ts";

const number = (description: string) => integer({ minimum: 0, description });

export const StatsBody = exactly(
  {
    hours: number("How far it looks back"),
    from: instant("The begin of that"),
    to: instant("When this was read"),
    runs: exactly(
      {
        completed: number("Completed"),
        failed: number("Failed"),
        cancelled: number("Cancelled"),
        interrupted: number("Interrupted"),
        total: number("All of them"),
      },
      { description: "Runs that ended since then, by status" },
    ),
    occurrences: exactly(
      {
        fired: number("Fired"),
        skipped: number("Skipped"),
        missed: number("Missed"),
        total: number("All of them"),
      },
      { description: "Instants since then at which a schedule was due, by what became of them" },
    ),
    running: number("Runs that are going on now"),
    pending: number("Runs that wait for a place now"),
    success_rate: t.Union([t.Number({ minimum: 0, maximum: 1 }), t.Null()], {
      description: "Share of the runs that completed, of those that were not cancelled; null where there was none",
    }),
  },
  {
    title: "Stats",
    examples: [
      {
        hours: 24,
        from: 1767139200000,
        to: 1767225600000,
        runs: { completed: 40, failed: 1, cancelled: 0, interrupted: 0, total: 41 },
        occurrences: { fired: 40, skipped: 2, missed: 0, total: 42 },
        running: 1,
        pending: 0,
        success_rate: 0.9756,
      },
    ],
  },
);

const HOUR_MS = 3_600_000;

export const statsBody = (
  hours: number,
  { engine, store, clock }: Pick<ApiContext, "engine" | "store" | "clock">,
): typeof StatsBody.static => {
  const to = clock.now();
  const from = to - hours * HOUR_MS;
  const runs = runCounts(store.runs.countEndedByStatus(from));
  const { running, pending } = engine.counts;
  const occurrences = occurrenceCounts(store.occurrences.countByOutcome(from, to));
  return { hours, from, to, runs, occurrences, running, pending, success_rate: successRate(runs) };
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

type Ended = { readonly completed: number; readonly failed: number; readonly interrupted: number };

/** The share that completed; those that were cancelled tell nothing. Null where there was none. */
export const successRate = ({ completed, failed, interrupted }: Ended): number | null => {
  const told = completed + failed + interrupted;
  return told === 0 ? null : completed / told;
};
