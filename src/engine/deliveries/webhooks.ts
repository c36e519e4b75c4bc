import type { FailingTrigger } from "../../domain/attention.ts";
import type { WebhookTrigger } from "../../domain/deliveries/trigger.ts";
import type { JobId } from "../../domain/ids.ts";
import { refuse } from "../../domain/refusal.ts";
import { sourceName } from "../../domain/secret.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Json } from "../../lib/json.ts";
import type { Log } from "../../lib/log.ts";
import { uuidv7 } from "../../lib/uuid.ts";
import { TRACE_HEADERS } from "../../lib/wire/trace-parent.ts";
import type { StoredJob } from "../../store/jobs.ts";
import type { Commits } from "../commits.ts";
import type { Jobs } from "../schedule/jobs.ts";
import { SecretCache, type SecretPlaces } from "../secrets/read-secret.ts";
import { bodyOf } from "./body.ts";
import type { Arrival, Deliveries } from "./deliveries.ts";
import type { WebhookResult, WebhookTest } from "./result.ts";
import { credentialHeaders, identify, isVerified, rulesOf, type SignedRequest, secretProblem } from "./schemes.ts";

/** Minimum time between two log lines about refused webhooks of a job, in ms. */
const LOG_INTERVAL_MS = 60_000;

/** Headers of every webhook that its event has. */
const COMMON_HEADERS = ["content-type", "user-agent"];

export type WebhooksOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly commits: Commits;
  readonly jobs: Jobs;
  readonly deliveries: Deliveries;
  /** Throws `not_running`. */
  readonly assertRunning: () => void;
  /** The environment of petit, with the variables that no task inherits. */
  readonly environment: SecretPlaces["environment"];
  /** True if petit sends traces. */
  readonly isTracing: boolean;
};

/** A webhook with its job. */
type WebhookOfJob = { readonly stored: Pick<StoredJob, "job">; readonly trigger: WebhookTrigger };

type Refusals = { total: number; unlogged: number; nextLogAt: number };

/** Verifies webhooks, before anything of them is parsed or stored, and hands them to the deliveries. */
export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #refusals = new Map<JobId, Refusals>();
  /** By trigger. */
  readonly #unreadable = new Map<string, FailingTrigger>();
  readonly #secrets: SecretCache;

  constructor(options: WebhooksOptions) {
    this.#options = options;
    this.#secrets = new SecretCache(options.clock);
  }

  /** How many requests were refused since the start, by job. */
  get refused(): ReadonlyMap<JobId, number> {
    return new Map([...this.#refusals].map(([jobId, { total }]) => [jobId, total]));
  }

  /** Returns the webhooks whose secrets were needed, and still can't be read. */
  listUnreadable(): readonly FailingTrigger[] {
    for (const [key, { jobId, trigger }] of this.#unreadable) {
      const found = this.#find(jobId, trigger);
      if (found === null || problemOf(this.#readSecrets(found)) === null) this.#unreadable.delete(key);
    }
    return [...this.#unreadable.values()];
  }

  /** Returns whether a job has a webhook of that name; null is the one without a name. */
  has(jobId: string, name: string | null): boolean {
    return this.#find(jobId, name) !== null;
  }

  /** Resolves when the delivery is on disk. Rejects with `storage_failed` and `not_running`. */
  async receive(jobId: string, name: string | null, request: SignedRequest): Promise<WebhookResult> {
    return await this.#receive(jobId, name, { request, test: null });
  }

  async #receive(
    jobId: string,
    name: string | null,
    { request, test }: { readonly request: SignedRequest; readonly test: Pick<WebhookTest, "by"> | null },
  ): Promise<WebhookResult> {
    const found = this.#find(jobId, name);
    if (found === null) return { kind: "unknown" };
    const { stored, trigger } = found;
    if (!this.#isVerified(stored, trigger, request)) {
      this.#noteRefusal(stored.job.id);
      return { kind: "refused" };
    }
    const { verification } = trigger;
    const body = bodyOf(request.body);
    const identity = identify(request.headers, body, verification);
    const rules = rulesOf(verification);
    if (rules.isHandshake(identity)) return { kind: "handshake", challenge: challengeOf(body) };
    const arrival: Arrival = {
      stored,
      trigger,
      eventTypes: identity.eventTypes,
      providerId: identity.deliveryId,
      // A test has an id that petit made. It is sent again with the same body after the job was changed.
      signedBody: rules.hasUnsignedId && test === null ? request.body : null,
      chain: 0,
      by: test?.by ?? null,
      event: { body, headers: this.#headersOf(request.headers, trigger) },
    };
    const { commits, deliveries, assertRunning } = this.#options;
    const acceptance = await commits.retryWhileLocked(() =>
      commits.enqueue((addHooks) => {
        assertRunning();
        return deliveries.accept(arrival, addHooks);
      }),
    );
    return { kind: "accepted", ...acceptance };
  }

  /** Receives a request that petit signs itself. Rejects with `not_found`, and `conflict` if the secret can't be read. */
  async test(jobId: string, { name, body, eventType, by }: WebhookTest): Promise<WebhookResult> {
    const { clock, jobs } = this.#options;
    const found = this.#find(jobId, name);
    if (found === null) throw refuse({ reason: "no_webhook", jobId: jobs.mustFind(jobId).job.id, trigger: name });
    const { stored, trigger } = found;
    const { job } = stored;
    const readings = this.#readSecrets(found);
    const reading = readings.find((each) => "value" in each);
    if (reading === undefined)
      throw refuse({ reason: "secret_unreadable", jobId: job.id, problem: problemOf(readings) ?? "it has none" });
    const now = clock.now();
    const draft = { secret: reading.value, now, eventType, deliveryId: `petit-test-${uuidv7(now)}` };
    const headers = rulesOf(trigger.verification).sign(body, draft, trigger.verification);
    const request = { headers: new Headers({ "content-type": "application/json", ...headers }), body };
    return await this.#receive(jobId, name, { request, test: { by } });
  }

  #find(jobId: string, name: string | null): { readonly stored: StoredJob; readonly trigger: WebhookTrigger } | null {
    const stored = this.#options.jobs.find(jobId);
    const trigger = stored?.job.triggers?.find((each) => each.type === "webhook" && each.name === name);
    return stored === null || trigger?.type !== "webhook" ? null : { stored, trigger };
  }

  #isVerified({ job }: Pick<StoredJob, "job">, trigger: WebhookTrigger, request: SignedRequest): boolean {
    const { clock } = this.#options;
    const now = clock.now();
    const readings = this.#readSecrets({ stored: { job }, trigger });
    const isRight = readings.some(
      (reading) => "value" in reading && isVerified(request, trigger.verification, { secret: reading.value, now }),
    );
    const problem = problemOf(readings);
    // What another secret of the webhook verifies is not refused.
    if (problem === null || !isRight) this.#noteSecrets({ stored: { job }, trigger }, problem, now);
    return isRight;
  }

  #noteSecrets({ stored: { job }, trigger: { name } }: WebhookOfJob, problem: string | null, now: number): void {
    const key = `${job.id} ${name ?? ""}`;
    if (problem === null) {
      this.#unreadable.delete(key);
      return;
    }
    const { since = now, count = 0 } = this.#unreadable.get(key) ?? {};
    const fault = "secret_unreadable";
    this.#unreadable.set(key, { jobId: job.id, trigger: name, fault, since, count: count + 1, problem });
  }

  /** Reads the secrets of a webhook. An empty one is a problem too. */
  #readSecrets({ stored: { job }, trigger }: WebhookOfJob): readonly ReadSecret[] {
    const { environment } = this.#options;
    return trigger.secrets.map((source) => {
      const reading = this.#secrets.read(source, { environment, folder: job.source.folder });
      const problem = "value" in reading ? secretProblem(reading.value, trigger.verification) : null;
      return problem === null ? reading : { problem: `${sourceName(source)} ${problem}` };
    });
  }

  /** Returns the headers that are stored. Those of a trace are, if petit continues it. */
  #headersOf(headers: Headers, { verification, headers: own }: WebhookTrigger): Readonly<Record<string, string>> {
    const common = this.#options.isTracing ? [...COMMON_HEADERS, ...TRACE_HEADERS] : COMMON_HEADERS;
    const names = new Set([...common, ...rulesOf(verification).headers(verification), ...own]);
    const stored = names.difference(credentialHeaders(verification));
    return Object.fromEntries(
      [...stored].flatMap((name) => {
        const value = headers.get(name);
        return value === null ? [] : [[name, value]];
      }),
    );
  }

  #noteRefusal(jobId: JobId): void {
    const { clock, log } = this.#options;
    const refusals = this.#refusals.get(jobId) ?? { total: 0, unlogged: 0, nextLogAt: Number.NEGATIVE_INFINITY };
    this.#refusals.set(jobId, refusals);
    refusals.total++;
    refusals.unlogged++;
    if (clock.monotonic() < refusals.nextLogAt) return;
    const { unlogged } = refusals;
    log.warn(
      { job_id: jobId, refused: unlogged },
      `refused a webhook of ${jobId}: its signature or token is wrong or missing`,
    );
    refusals.unlogged = 0;
    refusals.nextLogAt = clock.monotonic() + LOG_INTERVAL_MS;
  }
}

type ReadSecret = { readonly value: string } | { readonly problem: string };

/** Returns why a secret can't be read; null if all can. */
const problemOf = (readings: readonly ReadSecret[]): string | null =>
  readings.map((reading) => ("problem" in reading ? reading.problem : null)).find((each) => each !== null) ?? null;

const challengeOf = (body: Json): string | null => {
  if (typeof body !== "object" || body === null || !("challenge" in body)) return null;
  return typeof body.challenge === "string" ? body.challenge : null;
};
