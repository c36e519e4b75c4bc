import type { ArgsDef } from "citty";
import type { Client } from "../../client/client.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { runName } from "../run-display/short-id.ts";
import { watchRemoteRun } from "./watch-remote.ts";

/** What to do after a run was started. */
export type AwaitRunOptions = {
  /** Wait until the run has ended. */
  readonly wait: boolean;
  /** Wait, and show the output of the run. */
  readonly follow: boolean;
  /** How long to wait for a petit that goes away meanwhile, in ms. */
  readonly patienceMs: number;
};

type StartedRun = { readonly run_id: string; readonly job_id: string; readonly message: string };

/** Reports a started run. With `wait` or `follow`, watches it and returns the exit status of its outcome. */
export const awaitRun = async (
  client: Client,
  { started, wait, follow, patienceMs }: AwaitRunOptions & { readonly started: StartedRun },
  context: Context,
): Promise<ExitStatus> => {
  const { out, err } = context.terminal;
  const runId = started.run_id;
  const name = runName(runId, err);
  if (wait || follow) {
    if (err.isTerminal) err.write(`run ${name} of ${started.job_id}\n`);
    return watchRemoteRun(client, { runId, output: follow, patienceMs, wanted: "completion" }, context);
  }
  out.write(context.json ? `${JSON.stringify(started, null, 2)}\n` : `${runId}\n`);
  if (!context.json) err.write(`${started.message}; see 'petit status ${name}'\n`);
  return EXIT.DONE;
};

/** The flags of commands that start a run. */
export const WAIT_ARGS = {
  wait: { type: "boolean", description: "Wait until the run has ended; the exit status shows its outcome." },
  follow: { type: "boolean", alias: "f", description: "Wait, and show the output of the run." },
} as const satisfies ArgsDef;
