import type { Client } from "../../../client/client.ts";
import { ifShown } from "../../../client/error.ts";
import { shortCommit } from "../../../domain/words/versions/repository.ts";
import { usageError } from "../../argv.ts";
import { openClient, writeReply } from "../../client/client.ts";
import { findRun, RUN_HELP } from "../../client/find-run.ts";
import { patienceOf, RECONNECT } from "../../client/reconnect.ts";
import { defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";
import { runName } from "../../run-display/short-id.ts";
import { paint } from "../../terminal/terminal.ts";
import { awaitRun, WAIT_ARGS } from "../../trigger/await-run.ts";

export const retry = defineCommand({
  name: "retry",
  summary: "Rerun the tasks of a run that did not complete",
  description:
    "Starts a new run that reuses the completed tasks of a run and reruns the rest. With TASK, it reruns that task and those after " +
    "it that did not complete; with --from, the task and all after it. It then takes over the results of all other tasks. With " +
    "--wait or --follow, the exit status is 0 if the new run completed, else 1. Ctrl-C stops only the waiting.",
  args: {
    RUN: { type: "positional", required: true, description: RUN_HELP },
    TASK: {
      type: "positional",
      required: false,
      description: "The id of a task: rerun only this one, and what waited for it.",
    },
    from: { type: "string", valueHint: "TASK", description: "Rerun this task and all tasks after it." },
    "from-start": { type: "boolean", description: "Rerun all tasks." },
    latest: {
      type: "boolean",
      description: "Use the present job files, although the run used an earlier commit of the repository.",
    },
    ...WAIT_ARGS,
    ...RECONNECT,
  },
  settings: [],
  examples: [
    "petit retry 9a7e4f60 --follow",
    "petit retry data_pipeline load",
    "petit retry data_pipeline --from transform",
    "petit retry data_pipeline --from-start",
  ],
  run: async (
    { RUN, TASK, from, "from-start": fromStart, latest = false, wait = false, follow = false, reconnect },
    context,
  ) => {
    const patienceMs = patienceOf(reconnect);
    const given = [...(TASK === undefined ? [] : ["TASK"]), ...(from === undefined ? [] : ["--from"])];
    const [first, second] = fromStart ? [...given, "--from-start"] : given;
    if (second !== undefined) throw usageError(`${first} and ${second} exclude each other`, null, "petit retry");
    const client = openClient(context);
    const params = { run_id: await findRun(client, RUN, context) };
    const query = fromStart ? { from: "start" } : {};
    const body = {
      ...(TASK === undefined ? {} : { task: TASK }),
      ...(from === undefined ? {} : { from }),
      ...(latest && { latest }),
    };
    const reply = await client.post("/api/runs/:run_id/retry", { params, query, body });
    if (wait || follow) return awaitRun(client, { started: reply, wait, follow, patienceMs }, context);
    const { out } = context.terminal;
    if (context.json || !out.isTerminal) return writeReply(reply, context);
    const name = runName(reply.run_id, out);
    const commits = await readCommits(client, reply.run_id);
    const withCommit = commits.ofRun === null ? "" : ` with commit ${shortCommit(commits.ofRun)}`;
    out.write(`run ${name} retries it${withCommit}; see 'petit status ${name}'\n`);
    if (commits.ofRun !== null && commits.inUse !== null && commits.ofRun !== commits.inUse)
      out.write(paint(out, "dim", `--latest uses the commit in use, ${shortCommit(commits.inUse)}\n`));
    return EXIT.DONE;
  },
});

/** The commit that a run uses, and the one in use; null if there is none, or it is not known. */
type Commits = { readonly ofRun: string | null; readonly inUse: string | null };

const NO_COMMITS: Commits = { ofRun: null, inUse: null };

const readCommits = async (client: Client, runId: string): Promise<Commits> => {
  // An older petit does not say it.
  const ofRun = (await client.get("/api/runs/:run_id", { params: { run_id: runId } })).commit ?? null;
  if (ofRun === null) return NO_COMMITS;
  return { ofRun, inUse: (await ifShown(client.get("/api/job-repository")))?.commit?.id ?? null };
};
