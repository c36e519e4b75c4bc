import { onSignal } from "../../app/signals.ts";
import type { Client } from "../../client/client.ts";
import type { LiveEvent } from "../../client/live-event.ts";
import { Reconnect } from "../../client/reconnect.ts";
import { progressText } from "../../domain/words/schedule/backfill.ts";
import { abortQuietly, anyAborted } from "../../lib/abort.ts";
import { followEvents } from "../client/follow-events.ts";
import { reportOutage } from "../client/reconnect.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { runName } from "../run-display/short-id.ts";
import type { ShownBackfill } from "./display.ts";

type WatchOptions = {
  readonly created: ShownBackfill;
  /** How long to wait for a petit that goes away, in ms. */
  readonly patienceMs: number;
};

/**
 * Reports the progress of a backfill until it has ended, and returns the exit status. With --json, then writes it to stdout. Ctrl-C stops
 * only the waiting.
 */
export const watchBackfill = async (
  client: Client,
  { created, patienceMs }: WatchOptions,
  { terminal: { out, err }, clock, json }: Context,
): Promise<ExitStatus> => {
  const stop = new AbortController();
  using _ = onSignal(() => abortQuietly(stop));
  const { id, job_id } = created;
  const name = runName(id, err);
  err.write(`backfill ${name} of '${job_id}': ${created.runs.total} runs\n`);
  let backfill = created;
  let shown = "";
  const refresh = async (): Promise<boolean> => {
    backfill = await client.get("/api/backfills/:backfill_id", { params: { backfill_id: id } });
    const text = progressText(backfill.runs);
    if (text !== shown && err.isTerminal) err.write(`${text}\n`);
    shown = text;
    return backfill.ended_at !== null;
  };
  const isRelevant = (event: LiveEvent): boolean => event.job_id === job_id;
  const outage = reportOutage({ base: client.base, write: (message) => void err.write(`${message}\n`) });
  const reconnect = new Reconnect({ clock, patienceMs, ...outage });
  await Promise.race([followEvents(client, { clock, reconnect, isRelevant, refresh }), anyAborted([stop.signal])]);
  if (backfill.ended_at === null) {
    err.write(`backfill ${name} continues; 'petit backfill show ${name}' shows its progress\n`);
    return EXIT.FAILED;
  }
  out.write(json ? `${JSON.stringify(backfill, null, 2)}\n` : `${id}\n`);
  err.write(`backfill ${name} ${backfill.status}: ${progressText(backfill.runs)}\n`);
  return backfill.status === "completed" ? EXIT.DONE : EXIT.FAILED;
};
