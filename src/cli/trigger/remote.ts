import type { TriggerRequest } from "../../engine/engine.ts";
import { openClient } from "../client/client.ts";
import type { Context } from "../command.ts";
import type { ExitStatus } from "../exit.ts";
import { type Going, goOn } from "./wait-options.ts";

export type RemoteTrigger = Going & { readonly jobId: string; readonly request: TriggerRequest };

/** Asks the running petit for a run; with `wait` or `follow`, ends as the run ends. */
export const triggerThere = async (asked: RemoteTrigger, context: Context): Promise<ExitStatus> => {
  const client = openClient(context);
  const { params = {}, idempotencyKey } = asked.request;
  const started = await client.post("/api/jobs/:job_id/trigger", {
    params: { job_id: asked.jobId },
    ...(Object.keys(params).length === 0 ? {} : { body: { params } }),
    ...(idempotencyKey === undefined ? {} : { headers: { "idempotency-key": idempotencyKey } }),
  });
  return goOn(client, { ...asked, started }, context);
};
