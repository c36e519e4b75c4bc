import type { RunBody } from "../api/run-shape.ts";
import type { TriggerRequest } from "../engine/engine.ts";
import { sleep } from "../lib/clock.ts";
import { type Client, openClient, segment } from "./client.ts";
import type { Context } from "./command.ts";
import { EXIT, type ExitStatus } from "./exit.ts";
import { outcomeLine } from "./outcome.ts";

type Started = { readonly run_id: string; readonly job_id: string; readonly message: string };

export type RemoteTrigger = {
  readonly jobId: string;
  readonly request: TriggerRequest;
  readonly wait: boolean;
  readonly follow: boolean;
};

/** Asks the running petit for a run; with `wait` or `follow`, ends as the run ends. */
export const triggerThere = async (asked: RemoteTrigger, context: Context): Promise<ExitStatus> => {
  const client = openClient(context);
  const { params, idempotencyKey } = asked.request;
  const started = await client.post<Started>(`/api/jobs/${segment(asked.jobId)}/trigger`, {
    ...(asked.wait && !asked.follow ? { query: { wait: WAIT_SECONDS } } : {}),
    ...(Object.keys(params ?? {}).length === 0 ? {} : { body: { params } }),
    ...(idempotencyKey === undefined ? {} : { headers: { "idempotency-key": idempotencyKey } }),
  });
  if (!asked.wait && !asked.follow) return tellStarted(started, context);
  if (asked.follow) await follow(client, { runId: started.run_id, context });
  return tellEnd(await ended(client, started.run_id, context), context);
};

const tellStarted = (started: Started, { terminal: { out, err }, json }: Context): ExitStatus => {
  out.write(json ? `${JSON.stringify(started, null, 2)}\n` : `${started.run_id}\n`);
  if (!json) err.write(`${started.message}; see 'petit status ${started.run_id}'\n`);
  return EXIT.DONE;
};

/** With --json, stdout is for the run alone. */
const follow = async (
  client: Client,
  { runId, context }: { readonly runId: string; readonly context: Context },
): Promise<void> => {
  const screen = context.json ? context.terminal.err : context.terminal.out;
  const bytes = client.stream(`/api/runs/${runId}/logs`, { query: { follow: true }, accept: "text/plain" });
  for await (const chunk of bytes) screen.write(chunk);
};

/** As long as the API lets a trigger wait. */
const WAIT_SECONDS = 300;

/** Between two looks at a run that takes longer. */
const POLL_MS = 250;

const ended = async (client: Client, runId: string, { clock }: Context): Promise<typeof RunBody.static> => {
  for (;;) {
    const run = await client.get<typeof RunBody.static>(`/api/runs/${runId}`);
    if (run.ended_at !== null) return run;
    await sleep(clock, POLL_MS);
  }
};

const tellEnd = (run: typeof RunBody.static, { terminal: { out, err }, json }: Context): ExitStatus => {
  if (json) out.write(`${JSON.stringify(run, null, 2)}\n`);
  err.write(`${outcomeLine({ ...run, durationMs: run.duration_ms }, err)}\n`);
  return run.status === "completed" ? EXIT.DONE : EXIT.FAILED;
};
