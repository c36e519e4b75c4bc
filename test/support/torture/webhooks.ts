import type { Database } from "bun:sqlite";
import { createHmac } from "node:crypto";
import type { Random } from "./random.ts";

const SECRET = "torture";

/** Jobs that events start, and what they need. `hook` and `bundle` take webhooks, and `after_hook` follows the runs of `hook`. */
export const WEBHOOK_FILES = { "hook.secret": `${SECRET}\n` } as const;

const VERIFY = "verify: hmac, header: X-Sig, id_header: X-Id, secret: {file: hook.secret}";

export const HOOK_TRIGGERS = {
  hook: `max_concurrency: 2
triggers:
  - {type: webhook, ${VERIFY}, if: "event.body.wanted"}`,
  bundle: `triggers:
  - {type: webhook, ${VERIFY}, debounce: {key: "\${{ event.body.key }}", wait: 300ms, max_wait: 2s}}`,
  after_hook: `triggers:
  - {type: run, job: hook, on: [completed, failed, cancelled, interrupted]}`,
} as const;

export type SentWebhook = { readonly path: string; readonly init: RequestInit; readonly id: string };

/** Makes signed webhooks. Of ten, one has the id and the body of an earlier one. */
export class Webhooks {
  readonly #random: Random;
  readonly #earlier: SentWebhook[] = [];
  /** By the id that the sender gave: the delivery that petit has accepted. */
  readonly accepted = new Map<string, string>();
  /** What petit answered although it had answered otherwise before. */
  readonly contradictions: string[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  next(): SentWebhook {
    const repeated = this.#earlier[this.#random.between(0, 10 * this.#earlier.length)];
    if (repeated !== undefined) return repeated;
    const id = `id-${this.#earlier.length}`;
    const [job, wanted] = [this.#random.next() < 0.5 ? "hook" : "bundle", this.#random.next() < 0.8];
    const body = JSON.stringify({ id, wanted, key: `key-${this.#random.between(1, 3)}` });
    const signature = createHmac("sha256", SECRET).update(body).digest("hex");
    const headers = { "x-sig": signature, "x-id": id, "content-type": "application/json" };
    const webhook = { path: `/api/hooks/${job}`, init: { body, headers }, id };
    this.#earlier.push(webhook);
    return webhook;
  }

  /** Records an answer of 200 or 202. */
  answered(id: string, deliveryId: string): void {
    const known = this.accepted.get(id) ?? deliveryId;
    if (known !== deliveryId)
      this.contradictions.push(`the webhook ${id} is the deliveries ${known} and ${deliveryId}`);
    this.accepted.set(id, known);
  }
}

/** Queries that must return no rows. While the scheduler is paused, which it is at the end, deliveries wait. */
export const NEVER_OF_DELIVERIES: Readonly<Record<string, string>> = {
  "a delivery still waits": `SELECT id, job_id, reason FROM deliveries WHERE outcome = 'waiting' AND reason <> 'paused'`,
  "a fired delivery has no run": `SELECT id, job_id FROM deliveries AS d WHERE outcome = 'fired'
    AND NOT EXISTS (SELECT 1 FROM runs WHERE id = d.run_id AND job_id = d.job_id AND delivery_id = d.id)`,
  "a run of a delivery is not in the ledger": `SELECT id, job_id FROM runs AS r WHERE "trigger" IN ('webhook', 'run', 'files')
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE run_id = r.id AND outcome = 'fired' AND id = r.delivery_id)`,
  "two deliveries have one run": `SELECT run_id, count(*) AS times FROM deliveries WHERE outcome = 'fired' GROUP BY 1 HAVING times > 1`,
  "a webhook is two deliveries": `SELECT job_id, provider_id, count(*) AS times FROM deliveries WHERE type = 'webhook'
    GROUP BY 1, 2 HAVING times > 1`,
  "a merged delivery has no run": `SELECT id, job_id FROM deliveries AS d WHERE outcome = 'merged' AND merged_into IN
    (SELECT id FROM deliveries WHERE outcome = 'fired') AND run_id IS NULL`,
  "a run of hook has not one delivery to after_hook": `SELECT id FROM runs AS r WHERE job_id = 'hook' AND 1 <>
    (SELECT count(*) FROM deliveries WHERE job_id = 'after_hook' AND provider_id = r.id)`,
};

/** Returns a sentence for each accepted webhook that petit has no delivery of. */
export const lostWebhooks = (db: Database, accepted: ReadonlyMap<string, string>): readonly string[] => {
  const known = new Set(
    db
      .query<{ key: string }, []>("SELECT id || ' ' || provider_id AS key FROM deliveries WHERE type = 'webhook'")
      .all()
      .map(({ key }) => key),
  );
  return [...accepted]
    .filter(([id, deliveryId]) => !known.has(`${deliveryId} ${id}`))
    .map(([id, deliveryId]) => `the webhook ${id} was accepted as ${deliveryId}, which does not exist`);
};
