import { t } from "elysia";
import { CONSEQUENCE_REASONS } from "../../../domain/inbox/consequence.ts";
import type { AttentionEntry } from "../../../domain/inbox/entry.ts";
import { CONSEQUENCE_TEXT } from "../../../domain/words/inbox/consequence.ts";
import { exactly, integer, JobIdText, meanings, nullable, RunIdText, word } from "../schemas.ts";

const MAX_CONSEQUENCES = 20;

export const ConsequencesBody = t.Array(
  exactly({
    reason: word(CONSEQUENCE_REASONS, meanings(CONSEQUENCE_TEXT)),
    job_id: JobIdText,
    run_id: nullable(RunIdText, "The run that waits longest; null if none waits"),
    count: integer({ minimum: 0, description: "Number of runs or occurrences" }),
  }),
  { description: `What needs attention because of it, and has no entry of its own; at most ${MAX_CONSEQUENCES}` },
);

export const consequencesBody = ({ consequences }: Pick<AttentionEntry, "consequences">) => ({
  consequences: consequences
    .slice(0, MAX_CONSEQUENCES)
    .map(({ reason, jobId, runId, count }) => ({ reason, job_id: jobId, run_id: runId, count })),
  consequence_count: consequences.length,
});
