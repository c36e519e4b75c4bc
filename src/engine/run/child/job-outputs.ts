import type { RunOutcome } from "../../../domain/run.ts";
import { expandTemplate } from "../../../jobfile/template.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import { MAX_OUTPUTS_BYTES } from "../../attempt/outputs-file.ts";
import { type RunState, scopeOfState } from "../task/run-scope.ts";

/** Adds the outputs of the job to the outcome of a run that completed. The run fails if one can't be evaluated. */
export const jobOutputs = (completed: RunOutcome, state: RunState): RunOutcome => {
  const { outputs: templates = {} } = state.job;
  if (Object.keys(templates).length === 0) return completed;
  const scope = scopeOfState(state, { taskId: null, item: null });
  const outputs: [string, string][] = [];
  let bytes = 0;
  for (const [name, text] of Object.entries(templates)) {
    try {
      const value = expandTemplate(text, scope);
      bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
      outputs.push([name, value]);
    } catch (error) {
      return failed(completed, `output '${name}': ${errorMessage(error)}`);
    }
  }
  return bytes <= MAX_OUTPUTS_BYTES
    ? { ...completed, outputs: Object.fromEntries(outputs) }
    : failed(completed, `the outputs of the job have ${bytes} bytes; the limit is ${MAX_OUTPUTS_BYTES}`);
};

const failed = (completed: RunOutcome, error: string): RunOutcome => ({
  ...completed,
  status: "failed",
  reason: "invalid_condition",
  error,
});
