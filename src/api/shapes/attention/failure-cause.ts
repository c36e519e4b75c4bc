import { t } from "elysia";
import { type FailedChild, type FailureCause, STREAMS } from "../../../domain/task-run.ts";
import { exactly, integer, JobIdText, nullable, RunIdText, TaskIdText, word } from "../schemas.ts";

export const FailureCauseBody = exactly(
  {
    seq: integer({ minimum: 1, description: "Number of the line in the output of the run that wrote it" }),
    stream: word(STREAMS, "Stream of the line"),
    text: t.String({ description: "At most 500 characters, without escape sequences" }),
    context: t.Array(t.String(), {
      description:
        "At most four lines that belong to it, each with at most 500 characters: those of the same stream that follow it, or, if it only says that something failed, those before it",
    }),
    child: nullable(
      exactly(
        {
          run_id: RunIdText,
          job_id: JobIdText,
          task_id: nullable(TaskIdText, "The task that failed; null if none did"),
          item: nullable(integer({ minimum: 0 }), "Position of its failed item, from 0; null if it has no items"),
          error: t.Optional(
            t.String({ description: "What went wrong with that task, as a sentence; missing if the line says it" }),
          ),
        },
        { title: "FailedChild" },
      ),
      "The run that wrote the line, if the task ran another job: the innermost one, if that ran another job, too. It may have been deleted since. Null if the task itself wrote the line",
    ),
  },
  { title: "FailureCause", description: "A line of output that explains a failure" },
);

export const causeBody = (cause: FailureCause | null): typeof FailureCauseBody.static | null => {
  if (cause === null) return null;
  const { seq, stream, text, context, child } = cause;
  return { seq, stream, text, context: [...context], child: child === null ? null : childBody(child) };
};

const childBody = ({ runId, jobId, taskId, item, error }: FailedChild) => ({
  run_id: runId,
  job_id: jobId,
  task_id: taskId,
  item,
  ...(error !== undefined && { error }),
});
