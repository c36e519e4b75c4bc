import { closeSync, existsSync, openSync } from "node:fs";
import { readText, type Spool } from "../output/spool.ts";
import { statOf } from "./identity.ts";
import { signalGroup } from "./process.ts";

export type SuspenderOptions = {
  /** Pid of the process that leads the session of the attempt. */
  readonly leader: number;
  readonly spool: Pick<Spool, "held">;
};

/**
 * Suspends the processes of an attempt (SIGSTOP) while its spool files must not grow, and resumes them. Does nothing if one
 * of them is already stopped, since it could not be told apart when the others are resumed, and on systems without /proc.
 */
export class Suspender implements Disposable {
  readonly #options: SuspenderOptions;
  /** The suspended process groups, ancestors first. */
  #suspended: readonly number[] = [];
  #isMarked = false;
  #isOver = false;
  /** True while the processes are being ended. They must receive SIGTERM, which a suspended process does not. */
  isEnding = false;

  constructor(options: SuspenderOptions) {
    this.#options = options;
  }

  get isSuspended(): boolean {
    return this.#suspended.length > 0;
  }

  suspend(): void {
    if (this.#isOver || this.#suspended.length > 0) return;
    const { groups, isStopped } = processTree(this.#options.leader);
    if (isStopped || groups.length === 0 || !this.#mark()) return;
    for (const group of groups) signalGroup(group, "SIGSTOP");
    this.#suspended = groups;
  }

  resume(): void {
    resumeGroups(this.#suspended);
    this.#suspended = [];
  }

  /** Resumes the processes and never suspends them again. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.resume();
  }

  /** Creates the marker file, by which the next petit process resumes them if this one is killed meanwhile. */
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

/** Resumes the processes of an attempt that a killed petit process may have left suspended. */
export const resumeSuspended = ({ leader, spool }: SuspenderOptions): void => {
  if (existsSync(spool.held)) resumeGroups(processTree(leader).groups);
};

/** Resumes children first, so that no shell with job control sees a stopped child. */
const resumeGroups = (groups: readonly number[]): void => {
  for (const group of groups.toReversed()) signalGroup(group, "SIGCONT");
};

type ProcessTree = {
  /** The process groups of its members, ancestors first; empty if the leader has ended or leads no session. */
  readonly groups: readonly number[];
  /** True if a member is stopped, by a signal or a debugger. */
  readonly isStopped: boolean;
};

/** Maximum of members that are examined. */
const MAX_MEMBERS = 1_000;

/**
 * Returns the process groups of a session leader and its descendants. Some descendants, such as `timeout`, have their own
 * group. Descendants whose parent has ended are only covered by their group.
 */
const processTree = (leader: number): ProcessTree => {
  const groups = new Set<number>();
  let isStopped = false;
  if (leader <= 1 || statOf(leader)?.session !== leader) return { groups: [], isStopped };
  const pids = [leader];
  for (const pid of pids) {
    const stat = statOf(pid);
    if (stat === null || stat.state === "Z") continue;
    isStopped ||= stat.state === "T" || stat.state === "t";
    groups.add(stat.group);
    if (pids.length < MAX_MEMBERS) pids.push(...childrenOf(pid));
  }
  return { groups: [...groups], isStopped };
};

const childrenOf = (pid: number): readonly number[] =>
  (readText(`/proc/${pid}/task/${pid}/children`) ?? "").split(" ").filter(Boolean).map(Number);
