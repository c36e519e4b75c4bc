import type { Client } from "../../client/client.ts";
import { Reconnect } from "../../client/reconnect.ts";
import { usageError } from "../argv.ts";
import { openClient } from "../client/client.ts";
import { findRun, RUN_HELP } from "../client/find-run.ts";
import { type OutputFilter, OutputReader } from "../client/output-reader.ts";
import { patienceOf, RECONNECT, reportOutage } from "../client/reconnect.ts";
import { type Context, defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { type OutputChunk, readChunk } from "../run-display/output-chunk.ts";
import { timestamper } from "../run-display/timestamps.ts";

export const logs = defineCommand({
  name: "logs",
  summary: "The output of a run, or of one of its tasks",
  description:
    "Prints what a run wrote, its bytes as they were and in the order they were seen. With --json: a record a line. The " +
    "exit status doesn't tell how the run ended; 'petit status' does.",
  args: {
    RUN: { type: "positional", required: true, description: RUN_HELP },
    TASK: { type: "positional", required: false, description: "Only of this task." },
    task: { type: "string", valueHint: "TASK", description: "The same." },
    follow: { type: "boolean", alias: "f", description: "Go on until the run ends, also over a restart of petit." },
    stream: { type: "string", valueHint: "stdout|stderr", description: "Only of this stream. [default: both]" },
    attempt: { type: "string", valueHint: "N", description: "Only of this attempt. [default: all]" },
    tail: { type: "string", alias: "n", valueHint: "N", description: "Only the last N lines. [default: all]" },
    timestamps: { type: "boolean", alias: "t", description: "Put the time before each line." },
    ...RECONNECT,
  },
  settings: [],
  examples: [
    "petit logs 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60 -f",
    "petit logs data_pipeline extract --tail 20",
    "petit logs latest --stream stderr --timestamps",
  ],
  run: async ({ RUN, TASK, task, follow, stream, attempt, tail, timestamps, reconnect }, context) => {
    const patienceMs = patienceOf(reconnect);
    if (TASK !== undefined && task !== undefined) throw usageError("the task is named twice", null, "petit logs");
    const client = openClient(context);
    const runId = await findRun(client, RUN, context);
    const asked = { runId, filter: { task: TASK ?? task, stream, attempt, tail }, timestamps: timestamps === true };
    if (follow) await printOn(client, { ...asked, patienceMs }, context);
    else await print(client, asked, context);
    return EXIT.DONE;
  },
});

type Asked = { readonly runId: string; readonly filter: OutputFilter; readonly timestamps: boolean };

/** What there is. */
const print = async (client: Client, { runId, filter, timestamps }: Asked, context: Context): Promise<void> => {
  const bytes = await client.stream("/api/runs/:run_id/logs", {
    params: { run_id: runId },
    query: { ...filter, timestamps },
    headers: { accept: context.json ? "application/x-ndjson" : "text/plain" },
  });
  for await (const chunk of bytes) context.terminal.out.write(chunk);
};

/** What there is and what comes. */
const printOn = async (
  client: Client,
  { patienceMs, timestamps, ...asked }: Asked & { readonly patienceMs: number },
  { terminal: { out, err }, clock, json }: Context,
): Promise<void> => {
  const bytesOf = timestamps ? timestamper() : ({ bytes }: OutputChunk) => bytes;
  const show = (data: string): void => {
    out.write(json ? `${data}\n` : bytesOf(readChunk(data)));
  };
  const accept = json ? "text/event-stream" : "text/event-stream;chunks=base64";
  const outage = reportOutage({ base: client.base, write: (message) => err.write(`petit: ${message}\n`) });
  const reconnect = new Reconnect({ clock, patienceMs, ...outage });
  await new OutputReader({ ...asked, client, clock, accept, show }).follow(reconnect);
};
