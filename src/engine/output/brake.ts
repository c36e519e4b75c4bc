import { closeSync, existsSync, openSync } from "node:fs";
import { signalGroup } from "../attempt/process.ts";
import { processTree } from "../attempt/process-tree.ts";
import type { Spool } from "./spool.ts";

export type BrakeOptions = {
  /** Pid of the process that leads the attempt's session. */
  readonly leader: number;
  readonly spool: Pick<Spool, "held">;
};

/**
 * Stops the processes of an attempt (SIGSTOP) while its spool files must not grow, and continues them. Does nothing where
 * one of them is stopped already, since nobody could tell afterwards which one not to continue, nor where the system has
 * no /proc.
 */
export class Brake implements Disposable {
  readonly #options: BrakeOptions;
  /** Process groups that are stopped, ancestors first. */
  #stopped: readonly number[] = [];
  #isMarked = false;
  #isOver = false;
  /** Whether they are being ended: they have to see SIGTERM, which a stopped process does not. */
  isEnding = false;

  constructor(options: BrakeOptions) {
    this.#options = options;
  }

  get isStopped(): boolean {
    return this.#stopped.length > 0;
  }

  stop(): void {
    if (this.#isOver || this.#stopped.length > 0) return;
    const { groups, isStopped } = processTree(this.#options.leader);
    if (isStopped || groups.length === 0 || !this.#mark()) return;
    for (const group of groups) signalGroup(group, "SIGSTOP");
    this.#stopped = groups;
  }

  continue(): void {
    continueGroups(this.#stopped);
    this.#stopped = [];
  }

  /** Continues them for good. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.continue();
  }

  /** Leaves a file that has the next petit continue them, should this one be killed while they are stopped. */
  #mark(): boolean {
    if (this.#isMarked) return true;
    try {
      closeSync(openSync(this.#options.spool.held, "wx", 0o600));
      this.#isMarked = true;
    } catch {
      this.#isMarked = existsSync(this.#options.spool.held);
    }
    return this.#isMarked;
  }
}

/** Continues the processes of an attempt that a killed petit may have left stopped. */
export const continueHeld = ({ leader, spool }: BrakeOptions): void => {
  if (existsSync(spool.held)) continueGroups(processTree(leader).groups);
};

/** Children first, so that no shell with job control sees that its child was stopped. */
const continueGroups = (groups: readonly number[]): void => {
  for (const group of groups.toReversed()) signalGroup(group, "SIGCONT");
};
