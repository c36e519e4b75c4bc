import { appendFileSync, truncateSync, writeSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout } from "node:timers/promises";
import { openRuntime } from "#runtime";
import { hasBegun, identify } from "../../src/engine/attempt/identity.ts";
import type { ChildProcess, Runtime, SpawnOptions } from "../../src/runtime/runtime.ts";
import type { Store } from "../../src/store/store.ts";
import { startChild } from "./child.ts";

/** A runtime whose processes are none: each has ended with 0 as soon as it was made, its status recorded. */
export const instantRuntime = (): Runtime => ({
  ...openRuntime(),
  spawn: ({ status }: SpawnOptions) => {
    writeSync(status, `${NOBODY}\n0\n`);
    return { pid: NOBODY, exited: Promise.resolve({ exitCode: 0, signal: null }) };
  },
});

/** No system has so many processes. */
const NOBODY = 2 ** 30;

/** A process that does nothing: what it is to do, a test says. */
export type ScriptedProcess = {
  readonly pid: number;
  readonly runId: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly attemptId: number;
  readonly statusPath: string;
  readonly exit: (exitCode: number) => void;
};

/**
 * Processes that a test ends as it likes. Behind each stands a real one that sleeps, so that its pid can be looked at;
 * signals to its group, which must come through `kill`, end it as if it was of no mind to resist.
 */
export class ScriptedProcesses implements Disposable {
  readonly #standIns: { readonly pid: number; readonly end: () => void }[];
  readonly living: ScriptedProcess[] = [];
  readonly #stored = new Set<ScriptedProcess>();
  readonly #systemKill = process.kill;

  private constructor(most: number) {
    this.#standIns = Array.from({ length: most }, standIn);
    process.kill = (pid, signal) => this.#kill(pid, signal);
  }

  /** Resolves when all of the stand-ins look as a program does that has begun. */
  static async start(most: number): Promise<ScriptedProcesses> {
    const processes = new ScriptedProcesses(most);
    while (!processes.#standIns.every(({ pid }) => hasBegun(pid))) await setTimeout(5);
    return processes;
  }

  /** Ends the stand-ins, and signals go where they always go. */
  [Symbol.dispose](): void {
    process.kill = this.#systemKill;
    for (const { end } of this.#standIns) end();
  }

  get runtime(): Runtime {
    return { ...openRuntime(), spawn: (options) => this.#spawn(options) };
  }

  end(child: ScriptedProcess, exitCode: number): void {
    this.#forget(child);
    appendFileSync(child.statusPath, `${exitCode}\n`);
    child.exit(exitCode);
  }

  /** Petit is gone, and this one lives on: the next petit will find it. */
  outlive(child: ScriptedProcess, store: Store): void {
    const identity = identify(child.pid);
    // Without a boot a stand-in has no age: that would be real time, and the clock is a fake one.
    if (identity !== null) store.runs.recordProcess(child.attemptId, { ...identity, bootId: "" });
    this.#stored.add(child);
  }

  /** It was killed together with the shell around it: no status, and its pid is somebody else's by now. */
  lose(child: ScriptedProcess, store: Store): void {
    this.#forget(child);
    const identity = identify(child.pid);
    if (identity !== null) store.runs.recordProcess(child.attemptId, { ...identity, startTime: "1", bootId: "" });
  }

  /** Petit was gone before its shell could say who it is; one that is stored already has said so. */
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
    const { promise, resolve } = Promise.withResolvers<{ readonly exitCode: number; readonly signal: null }>();
    const statusPath = argv[3] ?? "";
    this.living.push({
      pid,
      runId: environment.PETIT_RUN_ID ?? "",
      taskId: environment.PETIT_TASK_ID ?? "",
      attempt: Number(environment.PETIT_ATTEMPT),
      attemptId: Number.parseInt(basename(statusPath), 10),
      statusPath,
      exit: (exitCode) => resolve({ exitCode, signal: null }),
    });
    return { pid, exited: promise };
  }

  /** No pid is used again as long as others are there. */
  #freePid(): number {
    const at = this.#standIns.findIndex(({ pid }) => !this.living.some((child) => child.pid === pid));
    const [free] = at === -1 ? [] : this.#standIns.splice(at, 1);
    if (free === undefined) throw new Error("there is no stand-in left");
    this.#standIns.push(free);
    return free.pid;
  }

  #kill(pid: number, signal?: string | number): true {
    if (!this.#standIns.some((each) => each.pid === -pid)) return this.#systemKill.call(process, pid, signal);
    const child = this.living.find((each) => each.pid === -pid);
    if (child === undefined) throw Object.assign(new Error("kill ESRCH"), { code: "ESRCH" });
    if (signal !== 0) this.end(child, SIGTERM_STATUS);
    return true;
  }
}

const SIGTERM_STATUS = 143;

/** A shell with a child, as that around a program is; both go at the end, or when whoever waits for them is gone. */
const standIn = (): { readonly pid: number; readonly end: () => void } => {
  const child = startChild(["/bin/sh", "-c", "cat; :"]);
  return { pid: child.pid, end: child.kill };
};
