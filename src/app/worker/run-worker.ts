import { hostname } from "node:os";
import { resolve } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { TASK_TYPES } from "../../domain/job.ts";
import { UNHANDLED_ERROR_TEXT } from "../../domain/words/health.ts";
import { canonicalLabels } from "../../domain/workers/labels.ts";
import { findCgroups } from "../../engine/attempt/cgroup/support.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { WorkerOptions } from "../../worker/options.ts";
import { Worker } from "../../worker/worker.ts";
import { definedIn } from "../open-database.ts";
import { reapOrphans } from "../reap.ts";
import { releaseMemoryLater } from "../release-memory.ts";
import { hasOtherUsers, natsAccess, type Settings } from "../settings/settings.ts";
import { readTrust } from "../settings/signing-keys.ts";
import { onSignal, type Signal } from "../signals.ts";
import { artifactsDirOf, ownFoldersOf, secretKeyFileOf } from "../spool-dir.ts";
import { workerStatus } from "../systemd/status-line.ts";
import { Systemd } from "../systemd/systemd.ts";
import { onUnhandledError } from "../unhandled-errors.ts";
import { openState } from "./open-state.ts";
import { releaseWhenIdle } from "./release-when-idle.ts";
import { findTaskUser } from "./task-user.ts";
import { workerNameOf } from "./worker-name.ts";

export type RunWorkerOptions = {
  readonly settings: Settings;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** petit's version. */
  readonly version: string;
};

/** A worker that has started. */
export type StartedWorker = Pick<WorkerOptions, "name" | "labels" | "slots" | "stateDir"> & {
  readonly urls: readonly string[];
};

/**
 * Runs a worker until a signal ends it. SIGTERM or SIGINT stops it as configured, a second signal at once. Calls `ready` when it has
 * adopted what runs, then notifies systemd. Throws `invalid_request` if something that it needs is missing or wrong, and `taken` if
 * its state folder or its name is in use.
 */
export const runWorker = async (options: RunWorkerOptions, ready: (started: StartedWorker) => void): Promise<void> => {
  const { log, settings, runtime, clock } = options;
  await using parts = new AsyncDisposableStack();
  parts.use(onUnhandledError((error) => log.error({ err: error }, UNHANDLED_ERROR_TEXT)));
  const workerOptions = await openWorker(options, parts);
  const asked = Promise.withResolvers<Signal>();
  let stopping = false;
  let worker: Worker | null = null;
  const systemd = parts.use(new Systemd(options));
  parts.use(
    onSignal((signal) => {
      if (signal === "SIGHUP") return;
      if (stopping) void worker?.stop("now");
      stopping = true;
      asked.resolve(signal);
    }),
  );
  parts.use(reapOrphans(options));
  worker = parts.use(new Worker(workerOptions));
  worker.start();
  const { name, labels, slots, stateDir } = workerOptions;
  ready({ name, labels, slots, stateDir, urls: settings.nats });
  systemd.ready(workerStatus(worker));
  parts.use(releaseMemoryLater({ runtime, clock, log, isHeavy: true, after: Promise.resolve() }));
  parts.use(releaseWhenIdle(worker, options));
  const signal = await Promise.race([asked.promise, worker.refused]);
  systemd.stopping();
  log.info({ signal, how: settings.onShutdown }, "stopping; a second signal ends what runs at once");
  await worker.stop(settings.onShutdown);
  log.info({}, "stopped");
};

const openWorker = async (options: RunWorkerOptions, parts: AsyncDisposableStack): Promise<WorkerOptions> => {
  const { settings, runtime, clock, log, environment, version } = options;
  const name = workerNameOf(settings);
  if (settings.nats.length === 0) throw wrong(NO_NATS);
  const { trust } = settings;
  if (trust === null) throw wrong(NO_TRUST);
  const stateDir = resolve(settings.stateDir);
  const user = settings.taskUser === null ? null : findTaskUser(settings.taskUser);
  const keys = trust.flatMap(readTrust);
  // Loaded here because the client of NATS is large.
  const { workerTransport } = await import("../../nats/worker-transport.ts");
  const transport = workerTransport({ access: natsAccess(settings), name, clock });
  const { store, spool, db, processFile } = openState(
    { runtime, clock, log, environment, stateDir, isShared: user !== null || hasOtherUsers(settings) },
    parts,
  );
  const types = settings.allowedTypes.flatMap((each) => each.split(","));
  return {
    runtime,
    clock,
    log,
    name,
    labels: canonicalLabels(settings.labels),
    slots: settings.slots,
    allowedTypes: types.length === 0 ? null : TASK_TYPES.filter((type) => types.includes(type)),
    trust: keys,
    transport,
    store,
    spoolDir: spool.path,
    secretKeyFile: secretKeyFileOf(db),
    artifactsDir: artifactsDirOf(db, spool.path),
    cgroups: findCgroups({ runtime, environment }),
    ownFolders: ownFoldersOf({ db, spoolDir: spool.path, jobsDir: null }),
    stateDir,
    processFile,
    folder: process.cwd(),
    environment: definedIn(environment),
    user,
    usage: settings.usage,
    runAsAllowed: settings.runAsAllowed,
    address: hostname(),
    version,
    shutdownTimeoutMs: settings.shutdownTimeoutMs,
    killGraceMs: settings.killGraceMs,
  };
};

const wrong = (message: string): PetitError => new PetitError("invalid_request", message);

const NO_NATS = "a worker needs --nats with the URL of a NATS server, such as nats://nats:4222";
const NO_TRUST =
  "a worker needs --trust with the public key that 'petit worker keygen' printed: it runs only what the owner of the key has signed";
