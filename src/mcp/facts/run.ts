import type { ResponseBody } from "../../client/routes.ts";
import { durationText } from "../../domain/words/duration.ts";
import { REASON_TEXT } from "../../domain/words/run.ts";
import { isSecretName, MASK, maskText } from "../../jobfile/possible-secrets.ts";
import type { ToolContext } from "../tool.ts";

type RunFacts = ResponseBody<"get", "/api/runs">["runs"][number];

/** Returns what a list says of a run. What its tasks or its callers wrote is under `untrusted`. */
export const runEntry = (run: RunFacts, { iso }: Pick<ToolContext, "iso">) => ({
  run: run.id,
  job: run.job_id,
  status: run.status,
  reason: run.reason === null ? null : REASON_TEXT[run.reason],
  trigger: run.trigger,
  scheduled_for: iso(run.scheduled_for),
  created: iso(run.created_at),
  ended: iso(run.ended_at),
  duration: run.duration_ms === null ? null : durationText(run.duration_ms),
  retry_of: run.retry_of,
  by: run.triggered_by,
  failed_task: run.failure?.task_id,
  warnings: run.warnings || null,
  untrusted: { params: withoutSecrets(run.params), ...failureLines(run.failure ?? null) },
});

/** Returns params of a run without what is probably a secret, as a job is shown. */
export const withoutSecrets = (params: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, isSecretName(name) ? MASK : maskText(value)]),
  );

/** Returns the line of output that explains a failure, with its number for `read_log`. */
export const failureLines = (failure: RunFacts["failure"] | null) => {
  if (failure == null) return {};
  const line = failure.cause ?? failure.last_line;
  return {
    error: failure.error,
    line: line === null ? null : { number: line.seq, text: line.text },
    context: failure.cause?.context,
    child_run: failure.cause?.child?.run_id,
  };
};
