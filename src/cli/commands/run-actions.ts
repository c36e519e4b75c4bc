import type { Client } from "../../client/client.ts";
import { openClient } from "../client/client.ts";
import { findRun, RUN_HELP } from "../client/find-run.ts";
import { patienceOf, RECONNECT } from "../client/reconnect.ts";
import { type Context, defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { GOING_ARGS, goOn } from "../trigger/wait-options.ts";

export const cancel = defineCommand({
  name: "cancel",
  summary: "End a run",
  description: "Ends what runs and skips what waits; clean-up tasks still run, until a second cancel ends those too.",
  args: { RUN: { type: "positional", required: true, description: RUN_HELP } },
  settings: [],
  examples: ["petit cancel 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60", "petit cancel data_pipeline"],
  run: async ({ RUN }, context) => {
    const client = openClient(context);
    return tell(context, await client.post("/api/runs/:run_id/cancel", await paramsOf(client, RUN, context)));
  },
});

export const retry = defineCommand({
  name: "retry",
  summary: "Run again what a run did not complete",
  description:
    "Starts a new run that takes over what completed and reruns the rest. With --wait or --follow, the exit status is 0 " +
    "where that completed, else 1; Ctrl-C ends the waiting alone.",
  args: {
    RUN: { type: "positional", required: true, description: RUN_HELP },
    "from-start": { type: "boolean", description: "Rerun everything." },
    ...GOING_ARGS,
    ...RECONNECT,
  },
  settings: [],
  examples: [
    "petit retry 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
    "petit retry 9a7e4f60 --follow",
    "petit retry data_pipeline --from-start",
  ],
  run: async ({ RUN, "from-start": fromStart, wait, follow, reconnect }, context) => {
    const going = { wait: wait === true, follow: follow === true, patienceMs: patienceOf(reconnect) };
    const client = openClient(context);
    const query = fromStart ? { from: "start" } : {};
    const asked = { ...(await paramsOf(client, RUN, context)), query };
    const started = await client.post("/api/runs/:run_id/retry", asked);
    if (!going.wait && !going.follow) return tell(context, started);
    return goOn(client, { ...going, started }, context);
  },
});

export const pause = defineCommand({
  name: "pause",
  summary: "Stop scheduled runs, also over restarts",
  description: "Occurrences that pass meanwhile are skipped; triggers by hand go on.",
  args: {},
  settings: [],
  examples: ["petit pause"],
  run: async (_, context) => tell(context, await openClient(context).post("/api/scheduler/pause")),
});

export const resume = defineCommand({
  name: "resume",
  summary: "Schedule again after a pause",
  description: "Schedules go on with their next occurrence; none that passed meanwhile is made up for.",
  args: {},
  settings: [],
  examples: ["petit resume"],
  run: async (_, context) => tell(context, await openClient(context).post("/api/scheduler/resume")),
});

const paramsOf = async (client: Client, run: string, context: Context) => ({
  params: { run_id: await findRun(client, run, context) },
});

/** What the running petit had to say to it. */
const tell = (context: Context, answer: { readonly message: string }): typeof EXIT.DONE => {
  context.terminal.out.write(context.json ? `${JSON.stringify(answer, null, 2)}\n` : `${answer.message}\n`);
  return EXIT.DONE;
};
