import { t } from "elysia";
import { type FailureCause, STREAMS } from "../../domain/task-run.ts";
import { exactly, integer, word } from "./schemas.ts";

export const FailureCauseBody = exactly(
  {
    seq: integer({ minimum: 1, description: "Number of the line in the output of the run" }),
    stream: word(STREAMS, "Stream of the line"),
    text: t.String({ description: "At most 500 characters, without escape sequences" }),
    context: t.Array(t.String(), {
      description:
        "At most four lines of the same stream that follow it and belong to it, each with at most 500 characters",
    }),
  },
  { title: "FailureCause", description: "A line of output that explains a failure" },
);

export const causeBody = (cause: FailureCause | null): typeof FailureCauseBody.static | null =>
  cause === null ? null : { ...cause, context: [...cause.context] };
