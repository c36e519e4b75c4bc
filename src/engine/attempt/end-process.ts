import type { ProcessIdentity } from "../../domain/task-run.ts";
import type { Spool } from "../output/spool.ts";
import { bootId, identifyBySpool, isGroupOf, isSame } from "./identity.ts";
import { killLeftovers, NO_GROUP, type Termination, terminate, terminateGroup } from "./process.ts";
import { findStrays } from "./strays.ts";

/** Ends the processes of an attempt that nobody follows any more. `known` is the stored leader, or null. */
export const endProcess = async (
  known: ProcessIdentity | null,
  spool: Spool,
  termination: Termination,
): Promise<void> => {
  const leader = known !== null && isSame(known) ? known : identifyBySpool(spool);
  if (leader !== null) await terminate(leader.pid, termination);
  await killLeftovers(known, spool, termination);
};

/**
 * Ends what is left of the process group, and of the cgroup, of an attempt whose leader has ended. A group that has no member of this attempt
 * belongs to other programs and is not signalled.
 */
export const endRest = async (leader: ProcessIdentity, spool: Spool, termination: Termination): Promise<void> => {
  if (isGroupOf(leader, spool)) await terminateGroup(leader.pid, termination);
  else if (termination.cgroup?.isPopulated === true) await terminateGroup(NO_GROUP, termination);
};

type LeftoversTermination = Termination & {
  /** The user of the task, if it is another one than petit's. */
  readonly taskUid: number | null;
};

/**
 * Ends what an attempt has left running. Without a cgroup, this finds the members of its process group, and the groups whose environment
 * names the attempt.
 */
export const endLeftovers = async (
  leader: ProcessIdentity,
  spool: Spool,
  { taskUid, ...termination }: LeftoversTermination,
): Promise<void> => {
  await endRest(leader, spool, termination);
  if (termination.cgroup) return;
  const strays = findStrays({ spoolDir: spool.dir, taskUid }, (id) => id === spool.attemptId);
  await Promise.all(strays.map(({ pgid }) => terminateGroup(pgid, termination)));
};

/** Returns the identity of a leader of which only the pid is known. */
export const leaderOfPid = (pid: number): ProcessIdentity => ({ pid, startTime: "", bootId: bootId() });
