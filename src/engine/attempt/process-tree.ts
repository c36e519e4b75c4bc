import { readText } from "../output/spool.ts";
import { statOf } from "./identity.ts";

export type ProcessTree = {
  /** The process groups of its members, ancestors first; none where the leader is gone or leads no session. */
  readonly groups: readonly number[];
  /** Whether a member is stopped, by a signal or a debugger. */
  readonly isStopped: boolean;
};

/** Members that are looked at, at most. */
const MAX_MEMBERS = 1_000;

/**
 * Finds the process groups of a session leader and its descendants, some of which have a group of their own (`timeout`).
 * Descendants whose parent is gone are only found by their group.
 */
export const processTree = (leader: number): ProcessTree => {
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
