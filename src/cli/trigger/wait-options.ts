import type { ArgsDef } from "citty";
import type { Client } from "../../client/client.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { watchThere } from "./watch-remote.ts";

/** What is to follow when a run was made. */
export type Going = {
  readonly wait: boolean;
  readonly follow: boolean;
  /** Ms that petit may be away meanwhile. */
  readonly patienceMs: number;
};

type Started = { readonly run_id: string; readonly message: string };

/** Tells of a run that was made; or, with `wait` or `follow`, shows it, and ends as it ends. */
export const goOn = async (
  client: Client,
  { started, wait, follow, patienceMs }: Going & { readonly started: Started },
  context: Context,
): Promise<ExitStatus> => {
  const { out, err } = context.terminal;
  const runId = started.run_id;
  if (wait || follow) {
    if (err.isTerminal) err.write(`${started.message}: run ${runId}\n`);
    return watchThere(client, { runId, output: follow, patienceMs }, context);
  }
  out.write(context.json ? `${JSON.stringify(started, null, 2)}\n` : `${runId}\n`);
  if (!context.json) err.write(`${started.message}; see 'petit status ${runId}'\n`);
  return EXIT.DONE;
};

export const GOING_ARGS = {
  wait: { type: "boolean", description: "Wait until the run has ended; the exit status tells how." },
  follow: { type: "boolean", alias: "f", description: "Wait, and show its output meanwhile." },
} as const satisfies ArgsDef;
