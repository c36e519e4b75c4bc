import { randomUUID } from "node:crypto";
import type { LinkState } from "../../../src/domain/workers/link.ts";
import type { SchedulerIdentity, SchedulerTransport, WorkerRequest } from "../../../src/engine/workers/transport.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { Frame } from "../../../src/lib/wire/frame.ts";
import type { NatsAccess } from "../../../src/nats/connect.ts";
import { schedulerTransport } from "../../../src/nats/scheduler-transport.ts";
import { workerTransport } from "../../../src/nats/worker-transport.ts";
import type { WorkerTransport } from "../../../src/worker/transport.ts";

/** How to reach a server: its URL, or more. */
type Access = string | (Partial<NatsAccess> & { readonly url: string });

export const accessTo = (given: Access): NatsAccess => {
  const { url, ...access } = typeof given === "string" ? { url: given } : given;
  return { urls: [url], credentialsFile: null, caFile: null, certFile: null, keyFile: null, ...access };
};

/** The states of a connection. */
export class States {
  readonly #seen: LinkState[] = [];
  #wake = Promise.withResolvers<void>();

  readonly add = (state: LinkState): void => {
    this.#seen.push(state);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  };

  /** Returns the first state of this kind since the last call, or waits for it. */
  async next<S extends LinkState["status"]>(status: S): Promise<Extract<LinkState, { readonly status: S }>> {
    for (;;) {
      const found = this.#seen.find((state) => state.status === status);
      if (found !== undefined) {
        this.#seen.length = 0;
        return found as Extract<LinkState, { readonly status: S }>;
      }
      await this.#wake.promise;
    }
  }
}

/** Starts the transport of a scheduler that answers requests with `onRequest`. */
export const startScheduler = (
  access: Access,
  onRequest: (request: WorkerRequest) => Promise<object | null> = async () => ({}),
  given: Partial<SchedulerIdentity> & { readonly leaseMs?: number } = {},
): SchedulerTransport & { readonly states: States } => {
  const { leaseMs = 10_000, ...identity } = given;
  const states = new States();
  const transport = schedulerTransport({ access: accessTo(access), clock: systemClock, silenceMs: 300, leaseMs });
  transport.start({ onState: states.add, onRequest }, { ...identityOf("one"), ...identity });
  return Object.assign(transport, { states });
};

/** Returns how a scheduler with a database of its own introduces itself. */
export const identityOf = (name: string): SchedulerIdentity => ({
  token: () => name,
  session: randomUUID(),
  previousSession: null,
  file: name,
  boot: "boot",
  epoch: () => 0,
  name: `petit ${name}`,
  position: () => 0,
  onAdvance: () => () => {},
  onOutdated: () => {},
  onSuperseded: () => {},
});

/** Starts the transport of a worker. */
export const startWorker = (
  access: Access,
  name = "a",
  onControl: (frame: Frame) => Promise<object> = async () => ({}),
): WorkerTransport & { readonly states: States } => {
  const states = new States();
  const transport = workerTransport({ access: accessTo(access), name, clock: systemClock, silenceMs: 300 });
  transport.start({ onState: states.add, onControl });
  return Object.assign(transport, { states });
};
