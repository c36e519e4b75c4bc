import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "./load.ts";
import { startPetit } from "./petit-process.ts";
import { medianAndP99, percentile } from "./statistics.ts";
import type { Row } from "./table.ts";
import { PAUSE_MS } from "./trigger.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const SECRET = "benchmark";
const TRIGGER = `triggers: [{type: webhook, verify: hmac, header: X-Signature, secret: {file: hook.secret}}]\n`;

/** Measures the response time of a signed webhook beside that of a trigger, in turns. Both store a run on disk. */
export const measureWebhook = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("webhook");
  const jobsDir = writeJobs(dir, 1, (id) => trueJob(id, TRIGGER));
  writeFileSync(join(jobsDir, "hook.secret"), SECRET);
  const body = readFileSync(join(import.meta.dir, "../../examples/events/github_push.json"), "utf8");
  const signature = createHmac("sha256", SECRET).update(body).digest("hex");
  await using petit = await startPetit({ jobsDir, db: join(dir, "petit.db") });
  const request = { port: petit.port, connections: 1, pauseMs: PAUSE_MS, method: "POST" } as const;
  const trigger = { ...request, path: "/api/jobs/job-00000/trigger" };
  const webhook = { ...request, path: "/api/hooks/job-00000", headers: `X-Signature: ${signature}\r\n`, body };
  await load({ ...trigger, seconds: 0.5 });
  await load({ ...webhook, seconds: 0.5 });
  const [triggers, webhooks]: [number[], number[]] = [[], []];
  for (let round = 0; round < 4; round++) {
    triggers.push(...(await load({ ...trigger, seconds: 1 })).latenciesMs);
    webhooks.push(...(await load({ ...webhook, seconds: 1 })).latenciesMs);
  }
  const ratio = percentile(webhooks, 0.5) / percentile(triggers, 0.5);
  return [
    {
      what: "webhook, p50 / p99, beside a trigger",
      petit: medianAndP99(webhooks),
      baseline: medianAndP99(triggers),
      ratio,
      target: { bound: "under", value: 1.3 },
    },
  ];
};
