import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openRuntime } from "#runtime";
import { systemClock } from "../../../src/lib/clock.ts";
import { openStore } from "../../../src/store/database/open.ts";
import type { Store } from "../../../src/store/store.ts";
import type { WorkerOptions } from "../../../src/worker/options.ts";
import { Worker } from "../../../src/worker/worker.ts";
import { processDir } from "../process-dir.ts";
import { type RecordingLog, recordingLog } from "../recording-log.ts";
import { FakeScheduler, LABELS, WORKER } from "./fake-scheduler.ts";

/** A worker in this process, and its scheduler. */
export interface StartedWorker extends AsyncDisposable {
  readonly scheduler: FakeScheduler;
  readonly log: RecordingLog;
  readonly dir: string;
  readonly worker: Worker;
  /** Stops the worker so that its attempts run on. */
  leave(): Promise<void>;
  /** Starts another one with the same state. */
  again(): void;
}

type StartOptions = Partial<WorkerOptions> & {
  /** An existing folder for everything. */
  readonly dir?: string;
  /** Wraps the store of the worker. */
  readonly wrap?: (store: Store) => Store;
};

export const startWorker = ({ wrap, dir: folder, ...given }: StartOptions = {}): StartedWorker => {
  const dir = folder === undefined ? processDir() : folderAt(folder);
  const scheduler = new FakeScheduler();
  const log = recordingLog();
  const runtime = openRuntime();
  mkdirSync(dir.file("spool"));
  const open = () => {
    const opened = openStore({ path: dir.file("worker.db"), runtime });
    const store = wrap?.(opened) ?? opened;
    const worker = new Worker({
      name: WORKER,
      labels: LABELS,
      slots: 2,
      allowedTypes: null,
      trust: [scheduler.key.publicKey],
      transport: scheduler,
      stateDir: dir.path,
      processFile: dir.file("worker.db"),
      spoolDir: dir.file("spool"),
      artifactsDir: dir.file("artifacts"),
      ownFolders: { state: [], jobs: null },
      folder: dir.path,
      environment: { PATH: process.env.PATH ?? "", HOME: "/" },
      user: null,
      address: "here",
      version: "1",
      shutdownTimeoutMs: 5_000,
      killGraceMs: 1_000,
      store,
      runtime,
      clock: systemClock,
      log,
      ...given,
    });
    worker.start();
    return { store, worker };
  };
  let opened = open();
  const leave = async (): Promise<void> => {
    await opened.worker.stop("leave");
    opened.store[Symbol.dispose]();
  };
  return {
    scheduler,
    log,
    dir: dir.path,
    get worker() {
      return opened.worker;
    },
    leave,
    again: () => {
      opened = open();
    },
    [Symbol.asyncDispose]: async () => {
      await opened.worker.stop("now");
      opened.store[Symbol.dispose]();
      dir[Symbol.dispose]();
    },
  };
};

/** An existing folder, which stays. */
const folderAt = (path: string) => ({ path, file: (name: string) => join(path, name), [Symbol.dispose]: () => {} });
