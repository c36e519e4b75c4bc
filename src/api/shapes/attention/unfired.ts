import { t } from "elysia";
import { DEPENDENCY_CONDITIONS, type ShutGate } from "../../../domain/dependency.ts";
import { MAX_UNFIRED, UNFIRED_REASONS, type UnfiredStreak } from "../../../domain/inbox/unfired.ts";
import type { Pause } from "../../../domain/job.ts";
import { RUN_STATUSES } from "../../../domain/run.ts";
import { OCCURRENCE_REASON_TEXT } from "../../../domain/words/schedule/occurrence.ts";
import { ActorOrNull, exactly, integer, JobIdText, meanings, nullable, word } from "../schemas.ts";

const reasonWord = word(
  UNFIRED_REASONS,
  meanings(Object.fromEntries(UNFIRED_REASONS.map((reason) => [reason, OCCURRENCE_REASON_TEXT[reason]]))),
);

/** The fields that say why a schedule starts no runs. */
export const unfiredFields = {
  count: integer({
    minimum: 0,
    description: `Number of occurrences in a row that started no run, at most ${MAX_UNFIRED.toLocaleString("en-US")}, then the first may be earlier than \`since\`; 0 if a pause only lasts for long`,
  }),
  reason: reasonWord,
  reasons: t.Array(exactly({ reason: word(UNFIRED_REASONS), count: integer({ minimum: 1 }) }), {
    description: "How many occurrences had each reason, the most frequent one first",
  }),
  paused: nullable(
    word(["job", "scheduler"], "What is paused"),
    "What is paused now, if the reason is `paused`; otherwise null",
  ),
  paused_by: ActorOrNull,
};

type UnfiredBody = Pick<UnfiredStreak, "count"> & {
  reason: UnfiredStreak["newest"];
  reasons: { reason: UnfiredStreak["newest"]; count: number }[];
  paused: "job" | "scheduler" | null;
  paused_by: string | null;
};

/** `pause` is that of the job; null if only the scheduler can be paused. With `isOfScheduler`, it is that of the scheduler. */
export const unfiredBody = (
  { count, newest, reasons }: UnfiredStreak,
  { pause, isOfScheduler = pause === null }: { readonly pause: Pause | null; readonly isOfScheduler?: boolean },
): UnfiredBody => ({
  count,
  reason: newest,
  reasons: reasons.map((each) => ({ ...each })),
  paused: newest !== "paused" ? null : isOfScheduler ? "scheduler" : "job",
  paused_by: newest === "paused" ? (pause?.by ?? null) : null,
});

export const ShutGatesBody = t.Array(
  exactly({
    job_id: JobIdText,
    condition: word(DEPENDENCY_CONDITIONS),
    window_ms: nullable(integer({ minimum: 0 }), "Length of the window of `within_window`; otherwise null"),
    newest_status: nullable(word(RUN_STATUSES), "Status of the newest run of the other job; null if it has never run"),
  }),
  { description: "The gates that are shut now, if the reason is `dependency`" },
);

export const shutGatesBody = (gates: readonly ShutGate[]): typeof ShutGatesBody.static =>
  gates.map(({ jobId, condition, windowMs, newestStatus }) => ({
    job_id: jobId,
    condition,
    window_ms: windowMs,
    newest_status: newestStatus,
  }));
