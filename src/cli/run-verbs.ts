import { openClient, segment } from "./client.ts";
import { type Context, defineCommand } from "./command.ts";
import { EXIT } from "./exit.ts";

type Told = { readonly message: string };

export const cancel = defineCommand({
  name: "cancel",
  summary: "End a run",
  description: "Ends what runs and skips what waits; clean-up tasks still run, until a second cancel ends those too.",
  args: { RUN: { type: "positional", required: true, description: "Id of the run." } },
  settings: [],
  examples: ["petit cancel 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60"],
  run: async ({ RUN }, context) =>
    tell(context, await openClient(context).post<Told>(`/api/runs/${segment(RUN)}/cancel`)),
});

export const retry = defineCommand({
  name: "retry",
  summary: "Run again what a run did not complete",
  description: "Starts a new run that takes over what completed and reruns the rest.",
  args: {
    RUN: { type: "positional", required: true, description: "Id of the run." },
    "from-start": { type: "boolean", description: "Rerun everything." },
  },
  settings: [],
  examples: [
    "petit retry 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
    "petit retry 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60 --from-start",
  ],
  run: async ({ RUN, "from-start": fromStart }, context) => {
    const query = fromStart ? { from: "start" } : {};
    return tell(context, await openClient(context).post<Told>(`/api/runs/${segment(RUN)}/retry`, { query }));
  },
});

export const pause = defineCommand({
  name: "pause",
  summary: "Stop scheduled runs, also over restarts",
  description: "Occurrences that pass meanwhile are skipped; triggers by hand go on.",
  args: {},
  settings: [],
  examples: ["petit pause"],
  run: async (_, context) => tell(context, await openClient(context).post<Told>("/api/scheduler/pause")),
});

export const resume = defineCommand({
  name: "resume",
  summary: "Schedule again after a pause",
  description: "Schedules go on with their next occurrence; none that passed meanwhile is made up for.",
  args: {},
  settings: [],
  examples: ["petit resume"],
  run: async (_, context) => tell(context, await openClient(context).post<Told>("/api/scheduler/resume")),
});

/** What the running petit had to say to it. */
const tell = (context: Context, answer: Told): typeof EXIT.DONE => {
  context.terminal.out.write(context.json ? `${JSON.stringify(answer, null, 2)}\n` : `${answer.message}\n`);
  return EXIT.DONE;
};
