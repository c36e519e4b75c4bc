import type { Clock } from "../../lib/clock.ts";
import { ApiError } from "../errors.ts";
import { readBytes } from "./body.ts";

/** How many bodies may be incomplete at once: in total, of one address, and of one webhook. */
const MAX_BODIES = 256;
const MAX_BODIES_OF_ONE = 128;

/** How many bytes incomplete bodies may have together. */
const MAX_BYTES = 32 * 1024 * 1024;

/** Least rate of a body, in bytes per second, judged every two seconds. */
const LEAST_RATE = 1024;
const JUDGED_EVERY_MS = 2_000;

/** How long a body may take to arrive, in ms. */
const MAX_BODY_MS = 10_000;

/** How many complete webhooks may wait until they are stored: in total, and of one webhook. */
const MAX_COMPLETE = 1_024;
const MAX_COMPLETE_OF_HOOK = 512;

/** Where a body comes from, and the webhook that it is for. */
export type HookSender = { readonly address: string | null; readonly hook: string; readonly signal: AbortSignal };

type Incomplete = Pick<HookSender, "address" | "hook"> & {
  readonly startedAt: number;
  bytes: number;
  /** When the rate was judged last, and how many bytes there were. */
  judgedAt: number;
  judgedBytes: number;
  readonly cut: AbortController;
};

/**
 * Limits what requests that nobody has authenticated yet can cost. Only incomplete bodies count. When a limit is reached, the slowest
 * one is cut, so that slow senders keep no others out.
 */
export class HookLimits {
  readonly #clock: Clock;
  readonly #incomplete = new Set<Incomplete>();
  readonly #complete = new Map<string, number>();
  #completeTotal = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Reads a body, and runs `work` with it. Throws `REQUEST_TIMEOUT` for a body that is cut: after 10 s, below 1 KiB/s after two seconds, or as
   * the slowest one at a limit. Throws `SERVICE_UNAVAILABLE` while 1,024 complete ones are not stored yet, or 512 of the same webhook.
   */
  async receive<T>(request: Request, sender: HookSender, work: (body: Uint8Array) => Promise<T> | T): Promise<T> {
    const body = await this.#read(request, sender);
    const { hook } = sender;
    const count = this.#complete.get(hook) ?? 0;
    if (this.#completeTotal >= MAX_COMPLETE || count >= MAX_COMPLETE_OF_HOOK) throw tooMany();
    this.#completeTotal++;
    this.#complete.set(hook, count + 1);
    try {
      return await work(body);
    } finally {
      this.#completeTotal--;
      const left = (this.#complete.get(hook) ?? 1) - 1;
      if (left === 0) this.#complete.delete(hook);
      else this.#complete.set(hook, left);
    }
  }

  async #read(request: Request, { address, hook, signal }: HookSender): Promise<Uint8Array> {
    const now = this.#clock.monotonic();
    const cut = new AbortController();
    const body: Incomplete = { address, hook, startedAt: now, bytes: 0, judgedAt: now, judgedBytes: 0, cut };
    this.#incomplete.add(body);
    this.#makeRoom(body);
    let cancel = this.#clock.setTimeout(() => judge(), JUDGED_EVERY_MS);
    const judge = (): void => {
      const at = this.#clock.monotonic();
      if (at - body.startedAt >= MAX_BODY_MS || this.#shortfallOf(body) > 0) {
        cut.abort();
        return;
      }
      body.judgedAt = at;
      body.judgedBytes = body.bytes;
      cancel = this.#clock.setTimeout(judge, JUDGED_EVERY_MS);
    };
    try {
      return await readBytes(request, {
        signal: AbortSignal.any([cut.signal, signal]),
        onBytes: (bytes) => {
          body.bytes = bytes;
          this.#makeRoom(body);
        },
      });
    } catch (error) {
      throw cut.signal.aborted ? tooSlow() : error;
    } finally {
      cancel();
      this.#incomplete.delete(body);
    }
  }

  /** Cuts the slowest others until the limits hold for a body that is new, or has grown. */
  #makeRoom(body: Incomplete): void {
    const others = [...this.#incomplete].filter((each) => each !== body && !each.cut.signal.aborted);
    const cutOne = (group: readonly Incomplete[], max: number): void => {
      if (group.length < max) return;
      group
        .reduce((slowest, each) => (this.#shortfallOf(each) > this.#shortfallOf(slowest) ? each : slowest))
        .cut.abort();
    };
    cutOne(
      others.filter(({ address }) => address === body.address),
      MAX_BODIES_OF_ONE,
    );
    cutOne(
      others.filter(({ hook, cut }) => hook === body.hook && !cut.signal.aborted),
      MAX_BODIES_OF_ONE,
    );
    cutOne(
      others.filter(({ cut }) => !cut.signal.aborted),
      MAX_BODIES,
    );
    const bytes = others.reduce((sum, each) => sum + each.bytes, body.bytes);
    if (bytes > MAX_BYTES)
      cutOne(
        others.filter(({ cut }) => !cut.signal.aborted),
        1,
      );
  }

  /** Returns how many bytes a body lacks to the least rate; negative if it is faster. */
  #shortfallOf({ judgedAt, judgedBytes, bytes }: Incomplete): number {
    return ((this.#clock.monotonic() - judgedAt) / 1_000) * LEAST_RATE - (bytes - judgedBytes);
  }
}

const tooMany = (): ApiError =>
  new ApiError("SERVICE_UNAVAILABLE", "too many webhooks at once; send it again in a moment", {
    headers: { "retry-after": "1" },
  });

const tooSlow = (): ApiError =>
  new ApiError("REQUEST_TIMEOUT", "the body did not arrive in time", { headers: { connection: "close" } });
