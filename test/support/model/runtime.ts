import { appendFileSync, truncateSync, writeSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout } from "node:timers/promises";
import { openRuntime } from "#runtime";
import { hasBegun, identify } from "../../../src/engine/attempt/identity.ts";
import type { ChildExit, ChildProcess, Runtime, SpawnOptions } from "../../../src/runtime/runtime.ts";
import type { Store } from "../../../src/store/store.ts";
import { startChild } from "../child.ts";

/** Returns a runtime without real processes: each one exits immediately with 0 and a recorded status. */
export const instantRuntime = (): Runtime => ({
  ...openRuntime(),
  spawn: ({ status }: SpawnOptions) => {
    writeSync(status, `${UNUSED_PID}\n0\n`);
    return { pid: UNUSED_PID, exited: Promise.resolve({ exitCode: 0, signal: null, usage: null }) };
  },
});

/** A pid that no process has. */
const UNUSED_PID = 2 ** 30;

/** A process whose end a test decides. */
export type ScriptedProcess = {
  readonly pid: number;
  readonly runId: string;
  readonly taskId: string;
  /** The position of the item; null if the task has no items. */
  readonly item: number | null;
  readonly attempt: number;
  readonly attemptId: number;
  readonly statusPath: string;
  readonly exit: (exitCode: number) => void;
};

/**
 * Processes that a test ends. Each has a real sleeping process, so that its pid exists. A signal to its group with `process.kill`
 * ends it with the status of SIGTERM.
 */
export class ScriptedProcesses implements Disposable {
  readonly #realProcesses: { readonly pid: number; readonly end: () => void }[];
  readonly living: ScriptedProcess[] = [];
  readonly #stored = new Set<ScriptedProcess>();
  readonly #systemKill = process.kill;

  private constructor(most: number) {
    this.#realProcesses = Array.from({ length: most }, startRealProcess);
    process.kill = (pid, signal) => this.#kill(pid, signal);
  }

  /** Resolves when all real processes have started. */
  static async start(most: number): Promise<ScriptedProcesses> {
    const processes = new ScriptedProcesses(most);
    while (!processes.#realProcesses.every(({ pid }) => hasBegun(pid))) await setTimeout(5);
    return processes;
  }

  /** Ends the real processes and restores `process.kill`. */
  [Symbol.dispose](): void {
    process.kill = this.#systemKill;
    for (const { end } of this.#realProcesses) end();
  }

  get runtime(): Runtime {
    return { ...openRuntime(), spawn: (options) => this.#spawn(options) };
  }

  end(child: ScriptedProcess, exitCode: number): void {
    this.#forget(child);
    appendFileSync(child.statusPath, `${exitCode}\n`);
    child.exit(exitCode);
  }

  /** Lets the process survive a crash of petit, so that the next petit adopts it. */
  outlive(child: ScriptedProcess, store: Store): void {
    const identity = identify(child.pid);
    // Without a boot id petit does not use the process's age, which is in real time instead of the fake clock's.
    if (identity !== null) store.runs.recordProcess(child.attemptId, { ...identity, bootId: "" });
    this.#stored.add(child);
  }

  /** Loses the process: it left no status, and its pid belongs to another process now. */
  lose(child: ScriptedProcess, store: Store): void {
    this.#forget(child);
    const identity = identify(child.pid);
    if (identity !== null) store.runs.recordProcess(child.attemptId, { ...identity, startTime: "1", bootId: "" });
  }

  /** Lets petit crash before the process wrote its pid. Does nothing if its process is already stored. */
  undo(child: ScriptedProcess): void {
    if (this.#stored.has(child)) return;
    this.#forget(child);
    truncateSync(child.statusPath);
  }

  clear(): void {
    this.living.length = 0;
    this.#stored.clear();
  }

  #forget(child: ScriptedProcess): void {
    this.living.splice(this.living.indexOf(child), 1);
  }

  #spawn({ argv, environment, status }: SpawnOptions): ChildProcess {
    const pid = this.#freePid();
    writeSync(status, `${pid}\n`);
    const { promise, resolve } = Promise.withResolvers<ChildExit>();
    const statusPath = argv[3] ?? "";
    this.living.push({
      pid,
      runId: environment.PETIT_RUN_ID ?? "",
      taskId: environment.PETIT_TASK_ID ?? "",
      item: environment.PETIT_ITEM_INDEX === undefined ? null : Number(environment.PETIT_ITEM_INDEX),
      attempt: Number(environment.PETIT_ATTEMPT),
      attemptId: Number.parseInt(basename(statusPath), 10),
      statusPath,
      exit: (exitCode) => resolve({ exitCode, signal: null, usage: null }),
    });
    return { pid, exited: promise };
  }

  /** Returns the pid that has been unused longest. */
  #freePid(): number {
    const at = this.#realProcesses.findIndex(({ pid }) => !this.living.some((child) => child.pid === pid));
    const [free] = at === -1 ? [] : this.#realProcesses.splice(at, 1);
    if (free === undefined) throw new Error("all real processes are in use");
    this.#realProcesses.push(free);
    return free.pid;
  }

  #kill(pid: number, signal?: string | number): true {
    if (!this.#realProcesses.some((each) => each.pid === -pid)) return this.#systemKill.call(process, pid, signal);
    const child = this.living.find((each) => each.pid === -pid);
    if (child === undefined) throw Object.assign(new Error("kill ESRCH"), { code: "ESRCH" });
    if (signal !== 0) this.end(child, SIGTERM_STATUS);
    return true;
  }
}

const SIGTERM_STATUS = 143;

/** Starts a shell with a child, like the one around a task. Both end with the test. */
const startRealProcess = (): { readonly pid: number; readonly end: () => void } => {
  const child = startChild(["/bin/sh", "-c", "cat; :"]);
  return { pid: child.pid, end: child.kill };
};
