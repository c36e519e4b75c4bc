import { openClient, segment } from "./client.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit.ts";

export const logs = defineCommand({
  name: "logs",
  summary: "The output of a run, or of one of its tasks",
  description:
    "Prints what a run wrote, its bytes as they were and in the order they were seen. With --json: a record a line.",
  args: {
    RUN: { type: "positional", required: true, description: "Id of the run." },
    TASK: { type: "positional", required: false, description: "Only of this task." },
    follow: { type: "boolean", alias: "f", description: "Go on until the run ends." },
    stream: { type: "string", valueHint: "stdout|stderr", description: "Only of this stream. [default: both]" },
    attempt: { type: "string", valueHint: "N", description: "Only of this attempt. [default: all]" },
    tail: { type: "string", alias: "n", valueHint: "N", description: "Only the last N lines. [default: all]" },
    timestamps: { type: "boolean", description: "Put the time before each line." },
  },
  settings: [],
  examples: [
    "petit logs 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60 -f",
    "petit logs 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60 extract --tail 20",
  ],
  run: async ({ RUN, TASK, follow, stream, attempt, tail, timestamps }, context) => {
    const query = { task: TASK, follow, stream, attempt, tail, timestamps };
    const accept = context.json ? "application/x-ndjson" : "text/plain";
    const bytes = openClient(context).stream(`/api/runs/${segment(RUN)}/logs`, { query, accept });
    for await (const chunk of bytes) context.terminal.out.write(chunk);
    return EXIT.DONE;
  },
});
