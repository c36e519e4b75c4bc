import type { Client } from "../../../client/client.ts";
import { PetitError } from "../../../domain/errors.ts";
import { taskLabel } from "../../../domain/words/task.ts";
import { usageError } from "../../argv.ts";
import { openClient, writeReply } from "../../client/client.ts";
import { findRun, RUN_HELP } from "../../client/find-run.ts";
import { type Context, defineCommand } from "../../command.ts";

const ARGS = {
  RUN: { type: "positional", required: true, description: RUN_HELP },
  TASK: {
    type: "positional",
    required: false,
    description: "The id of the task; required only if several tasks of the run wait.",
  },
  comment: { type: "string", valueHint: "TEXT", description: "Why; stored with the decision." },
} as const;

export const approve = defineCommand({
  name: "approve",
  summary: "Approve a task that waits for approval",
  description: "The task completes, and the run continues. petit stores who approved it, when, and the comment.",
  args: ARGS,
  settings: [],
  examples: ["petit approve 9a7e4f60", "petit approve deploy check --comment 'numbers are fine'"],
  run: (args, context) => decide("approve", args, context),
});

export const reject = defineCommand({
  name: "reject",
  summary: "Reject a task that waits for approval",
  description: "The task fails with the reason 'rejected'. petit stores who rejected it, when, and the comment.",
  args: ARGS,
  settings: [],
  examples: ["petit reject 9a7e4f60", "petit reject deploy check --comment 'wrong day'"],
  run: (args, context) => decide("reject", args, context),
});

type DecisionArgs = { readonly RUN: string; readonly TASK?: string | undefined; readonly comment?: string | undefined };

const decide = async (kind: "approve" | "reject", args: DecisionArgs, context: Context) => {
  const client = openClient(context);
  const runId = await findRun(client, args.RUN, context);
  const taskId = args.TASK ?? (await findAsking(client, runId, kind));
  const params = { run_id: runId, task_id: taskId };
  const body = args.comment === undefined ? {} : { comment: args.comment };
  const reply = await client.post(`/api/runs/:run_id/tasks/:task_id/${kind}`, { params, body });
  return writeReply(reply, context);
};

/** Returns the only task of a run that waits for approval. */
const findAsking = async (client: Client, runId: string, kind: string): Promise<string> => {
  const { tasks } = await client.get("/api/runs/:run_id/tasks", { params: { run_id: runId } });
  const asking = tasks.filter(({ approval, status }) => approval !== null && status === "running");
  const [only] = asking;
  if (only !== undefined && asking.length === 1) return only.task_id;
  const names = asking.map(({ name, task_id }) => taskLabel(name, task_id)).join(", ");
  throw only === undefined
    ? new PetitError("conflict", `run ${runId} has no task that waits for approval`)
    : usageError(`several tasks of the run wait for approval: ${names}; name one`, null, `petit ${kind}`);
};
