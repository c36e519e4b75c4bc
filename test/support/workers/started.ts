import type { Job, Task } from "../../../src/domain/job.ts";
import { remoteWorkers } from "../../../src/engine/workers/workers.ts";
import { generateSigningKey, type SigningKey } from "../../../src/lib/wire/signing.ts";
import { job, shell } from "../engine/factories.ts";
import { type StartedEngine, type StartOptions, startEngine } from "../engine/started-engine.ts";
import { FakeTransport } from "./fake-transport.ts";

export const LOST_AFTER_MS = 60_000;

/** A job with one task that needs a worker with the label `gpu`. */
export const remoteJob = (id: string, task: Partial<Task> = {}, given: Partial<Omit<Job, "id">> = {}): Job =>
  job(id, { tasks: [shell("far", "true", { runsOn: ["gpu"], ...task })], ...given });

/** An engine whose workers a test controls. */
export const startWithWorkers = async (
  options: StartOptions & {
    readonly transport?: FakeTransport;
    readonly lostAfterMs?: number;
    readonly signingKeys?: readonly SigningKey[];
  } = {},
): Promise<{ readonly petit: StartedEngine; readonly transport: FakeTransport; readonly signingKey: SigningKey }> => {
  const transport = options.transport ?? new FakeTransport();
  const signingKey = generateSigningKey();
  const workers = remoteWorkers({
    transport,
    signingKeys: options.signingKeys ?? [signingKey],
    lostAfterMs: options.lostAfterMs ?? LOST_AFTER_MS,
    url: "nats://fake",
  });
  return { petit: await startEngine({ ...options, workers }), transport, signingKey };
};
