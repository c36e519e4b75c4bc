import type { Client } from "../../client/client.ts";
import { Reconnect } from "../../client/reconnect.ts";
import { usageError } from "../argv.ts";
import { openClient } from "../client/client.ts";
import { findRun, RUN_HELP } from "../client/find-run.ts";
import { type OutputFilter, OutputReader } from "../client/output-reader.ts";
import { patienceOf, RECONNECT, reportOutage } from "../client/reconnect.ts";
import { type Context, defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { type DecodedChunk, readChunk } from "../run-display/output-chunk.ts";
import { endsLine, linesOf } from "../terminal/lines.ts";

export const logs = defineCommand({
  name: "logs",
  summary: "Print the output of a run or a task",
  description:
    "Prints the output of a run: the exact bytes, in the order in which petit read them. With --json, prints one record per " +
    "line. The exit status does not depend on the outcome of the run; use 'petit status' for that.",
  args: {
    RUN: { type: "positional", required: true, description: RUN_HELP },
    TASK: { type: "positional", required: false, description: "Only the output of this task." },
    task: { type: "string", valueHint: "TASK", description: "Same as the argument TASK." },
    follow: {
      type: "boolean",
      alias: "f",
      description: "Continue until the run ends, even across a restart of petit.",
    },
    stream: { type: "string", valueHint: "stdout|stderr", description: "Only this stream. [default: both]" },
    attempt: { type: "string", valueHint: "N", description: "Only this attempt. [default: all]" },
    tail: { type: "string", alias: "n", valueHint: "N", description: "Only the last N lines. [default: all]" },
    timestamps: { type: "boolean", alias: "t", description: "Prefix each line with its time." },
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
    if (TASK !== undefined && task !== undefined) throw usageError("the task is given twice", null, "petit logs");
    const client = openClient(context);
    const runId = await findRun(client, RUN, context);
    const selection = { runId, filter: { task: TASK ?? task, stream, attempt, tail }, timestamps: timestamps === true };
    if (follow) await followOutput(client, { ...selection, patienceMs }, context);
    else await printOutput(client, selection, context);
    return EXIT.DONE;
  },
});

type OutputSelection = { readonly runId: string; readonly filter: OutputFilter; readonly timestamps: boolean };

/** Prints the output that exists now. */
const printOutput = async (
  client: Client,
  { runId, filter, timestamps }: OutputSelection,
  context: Context,
): Promise<void> => {
  const bytes = await client.stream("/api/runs/:run_id/logs", {
    params: { run_id: runId },
    query: { ...filter, timestamps },
    headers: { accept: context.json ? "application/x-ndjson" : "text/plain" },
  });
  for await (const chunk of bytes) context.terminal.out.write(chunk);
};

/** Prints the output until the run ends. */
const followOutput = async (
  client: Client,
  { patienceMs, timestamps, ...selection }: OutputSelection & { readonly patienceMs: number },
  { terminal: { out, err }, clock, json }: Context,
): Promise<void> => {
  const bytesOf = timestamps ? timestamper() : ({ bytes }: DecodedChunk) => bytes;
  const show = (data: string): void => {
    out.write(json ? `${data}\n` : bytesOf(readChunk(data)));
  };
  const accept = json ? "text/event-stream" : "text/event-stream;chunks=base64";
  const outage = reportOutage({ base: client.base, write: (message) => err.write(`petit: ${message}\n`) });
  const reconnect = new Reconnect({ clock, patienceMs, ...outage });
  await new OutputReader({ ...selection, client, clock, accept, show }).follow(reconnect);
};

/** Returns a function that puts the time before each line, as `?timestamps` does, once even if a line spans several chunks. */
const timestamper = (): ((chunk: DecodedChunk) => Uint8Array) => {
  const unfinished = new Set<string>();
  return ({ taskId, attempt, stream, at, bytes }) => {
    const writer = `${taskId} ${attempt} ${stream}`;
    const time = Buffer.from(`${new Date(at).toISOString()} `);
    const continuesLine = unfinished.has(writer);
    const parts = linesOf(bytes).flatMap((line, index) => (index === 0 && continuesLine ? [line] : [time, line]));
    if (endsLine(bytes)) unfinished.delete(writer);
    else unfinished.add(writer);
    return Buffer.concat(parts);
  };
};
