import { t } from "elysia";
import { MISS_REASONS, type Occurrence, OUTCOMES, SKIP_REASONS } from "../../domain/schedule/occurrence.ts";
import { OCCURRENCE_REASON_TEXT, OUTCOME_TEXT } from "../../domain/words/schedule/occurrence.ts";
import { Count, exactly, instant, meanings, nullable, RunIdText, word } from "./schemas.ts";

const OccurrenceBody = exactly(
  {
    scheduled_for: instant("When the schedule is due"),
    outcome: word([...OUTCOMES, "due"], meanings(OUTCOME_TEXT)),
    reason: nullable(
      word([...SKIP_REASONS, ...MISS_REASONS]),
      `Why it was skipped or missed; null otherwise. ${meanings(OCCURRENCE_REASON_TEXT)}`,
    ),
    run_id: nullable(RunIdText, "Its run if it fired; null if it did not, or if the run was deleted"),
    backfill_run_id: t.Optional(
      t.String({
        description:
          "The newest run that a backfill has made for it; missing if none has. If nothing had started a run before, `run_id` is the same",
      }),
    ),
  },
  {
    title: "Occurrence",
    description: "An instant at which a schedule is due",
    examples: [{ scheduled_for: 1767225600000, outcome: "skipped", reason: "paused", run_id: null }],
  },
);

export const OccurrenceList = exactly(
  {
    occurrences: t.Array(OccurrenceBody, {
      description: "Occurrences, newest first, so that coming ones precede past ones",
    }),
    count: Count,
  },
  { title: "OccurrenceList" },
);

/** Encodes `coming`, the earliest first, and `past`, the newest first. */
export const occurrenceList = (
  coming: readonly number[],
  past: readonly Occurrence[],
): typeof OccurrenceList.static => {
  const occurrences = [...coming.toReversed().map(dueBody), ...past.map(occurrenceBody)];
  return { occurrences, count: occurrences.length };
};

const dueBody = (at: number): typeof OccurrenceBody.static => ({
  scheduled_for: at,
  outcome: "due",
  reason: null,
  run_id: null,
});

const occurrenceBody = (occurrence: Occurrence): typeof OccurrenceBody.static => ({
  scheduled_for: occurrence.scheduledFor,
  outcome: occurrence.outcome,
  reason: occurrence.reason,
  run_id: occurrence.runId,
  ...(occurrence.backfillRunId !== null && { backfill_run_id: occurrence.backfillRunId }),
});
