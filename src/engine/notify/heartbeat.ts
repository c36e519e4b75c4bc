import type { Heartbeat, HeartbeatState } from "../../domain/health.ts";
import { maskedUrl } from "../../domain/notification.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Log } from "../../lib/log.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Health } from "../engine.ts";
import { resolveSecret } from "./secret.ts";
import { type SendOptions, send } from "./send.ts";

type HeartbeatsOptions = {
  readonly heartbeat: Heartbeat;
  /** Folder to which the path of a secret is relative. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly runtime: Pick<Runtime, "request">;
  readonly environment: Readonly<Record<string, string>>;
  readonly health: () => Pick<Health, "status">;
  readonly signal: AbortSignal;
};

/** Maximum timeout of a ping, in ms. */
const TIMEOUT_MS = 10_000;

/** While petit is not healthy, that is checked again at least so often, in ms. */
const UNHEALTHY_CHECK_MS = 5_000;

/** A ping that failed is repeated at least so often, in ms. */
const RETRY_MS = 60_000;

/** Pings a URL while petit is healthy, one ping after the other, so that its receiver notices when petit is gone. */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  #lastAt: number | null = null;
  #failing: HeartbeatState["failing"] = null;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  get state(): HeartbeatState {
    const { url, everyMs } = this.#options.heartbeat;
    return { url: maskedUrl(url), everyMs, lastAt: this.#lastAt, failing: this.#failing };
  }

  async #run(): Promise<void> {
    const { clock, signal } = this.#options;
    while (!signal.aborted) {
      const startedAt = clock.monotonic();
      const delayMs = await this.#beat();
      await sleep(clock, startedAt + delayMs - clock.monotonic(), signal);
    }
  }

  /** Sends a ping if petit is healthy. Returns how long after its start the next one follows, in ms. */
  async #beat(): Promise<number> {
    const { heartbeat, clock, log, signal } = this.#options;
    const { everyMs } = heartbeat;
    if (!this.#isHealthy()) return Math.min(everyMs, UNHEALTHY_CHECK_MS);
    const error = await this.#send();
    if (signal.aborted) return 0;
    const { url } = this.state;
    if (error !== null) {
      if (this.#failing === null) log.warn({ url, error }, "the heartbeat failed; petit tries again");
      this.#failing = { since: this.#failing?.since ?? clock.now(), error };
      return Math.min(everyMs, RETRY_MS);
    }
    if (this.#failing !== null) log.info({ url }, "the heartbeat works again");
    this.#failing = null;
    this.#lastAt = clock.now();
    return everyMs;
  }

  #isHealthy(): boolean {
    const { health, log } = this.#options;
    try {
      const { status } = health();
      return status === "ok" || status === "degraded";
    } catch (error) {
      log.debug({ err: error }, "cannot tell whether petit is healthy");
      return false;
    }
  }

  /** Returns why a ping failed, without the URL; null if it was accepted. */
  async #send(): Promise<string | null> {
    const { heartbeat, folder, environment, clock, runtime, signal } = this.#options;
    try {
      const url = resolveSecret(heartbeat.url, { environment, folder });
      if ("problem" in url) return url.problem;
      if (!isHttp(url.value)) return "the URL is not one of http or https";
      const options: SendOptions = { clock, runtime, timeoutMs: Math.min(TIMEOUT_MS, heartbeat.everyMs), signal };
      const request = { url: url.value, method: "GET", headers: { "User-Agent": "petit" }, body: null } as const;
      const result = await send({ ...request, readAnswer: null, secrets: [] }, options);
      return result.kind === "delivered" ? null : result.why;
    } catch (error) {
      return errorMessage(error);
    }
  }
}

const isHttp = (url: string): boolean => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
