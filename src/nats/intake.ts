import type { RequestKind } from "../engine/workers/transport.ts";

/** A request as it arrived, not decoded yet. */
type Arrived = {
  /** The name of the worker that has sent it. */
  readonly worker: string;
  readonly kind: RequestKind;
  readonly bytes: number;
};

/** How long requests are handled before other work of petit comes first, in ms. */
const SLICE_MS = 5;

/** Bounds of what waits, for each worker. More has no answer, so that the worker sends it again later. */
const MAX_REQUESTS = 1_000;
const MAX_BYTES = 64 * 2 ** 20;

type Queue<Request> = { readonly requests: Request[]; bytes: number };

/**
 * Hands on the requests of workers: those of each worker in order, one of each worker in turn, and for a few ms at a time, so that a worker
 * that sends too many delays neither others nor the API. Of hellos that follow each other, only the last one counts.
 */
export class Intake<Request extends Arrived> {
  readonly #handle: (request: Request) => void;
  readonly #queues = new Map<string, Queue<Request>>();
  #isScheduled = false;

  /** `handle` must not throw. */
  constructor(handle: (request: Request) => void) {
    this.#handle = handle;
  }

  add(request: Request): void {
    this.#enqueue(request);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#work();
  }

  #enqueue(request: Request): void {
    const { worker, kind, bytes } = request;
    const queue = this.#queues.get(worker) ?? { requests: [], bytes: 0 };
    const last = queue.requests.at(-1);
    if (kind === "hello" && last?.kind === "hello") {
      queue.requests.pop();
      queue.bytes -= last.bytes;
    }
    if (queue.requests.length >= MAX_REQUESTS || queue.bytes + bytes > MAX_BYTES) return;
    queue.requests.push(request);
    queue.bytes += bytes;
    this.#queues.set(worker, queue);
  }

  #work(): void {
    const until = performance.now() + SLICE_MS;
    do this.#handleOneOfEach();
    while (this.#queues.size > 0 && performance.now() < until);
    setImmediate(() => {
      if (this.#queues.size > 0) this.#work();
      else this.#isScheduled = false;
    });
  }

  #handleOneOfEach(): void {
    for (const [worker, queue] of this.#queues) {
      const request = queue.requests.shift();
      if (queue.requests.length === 0) this.#queues.delete(worker);
      if (request === undefined) continue;
      queue.bytes -= request.bytes;
      this.#handle(request);
    }
  }
}
