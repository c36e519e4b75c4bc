import type { ProcessIdentity } from "../../domain/task-run.ts";
import type { Spool } from "../output/spool.ts";
import { bootId, identifyBySpool, isGroupOf, isSame } from "./identity.ts";
import { killLeftovers, type Termination, terminate } from "./process.ts";

/** Ends the processes of an attempt that nobody follows any more. `known` is the stored leader, or null. */
export const endProcess = async (
  known: ProcessIdentity | null,
  spool: Spool,
  termination: Termination,
): Promise<void> => {
  const leader = known !== null && isSame(known) ? known : identifyBySpool(spool);
  if (leader !== null) await terminate(leader.pid, termination);
  await killLeftovers(known, spool, termination.clock);
};

/**
 * Ends what is left of the process group of an attempt whose leader has ended. A group that has no member of this attempt belongs to
 * other programs and is not signalled.
 */
export const endRestOfGroup = async (
  leader: ProcessIdentity,
  spool: Spool,
  termination: Termination,
): Promise<void> => {
  if (isGroupOf(leader, spool)) await terminate(leader.pid, termination);
};

/** Returns the identity of a leader of which only the pid is known. */
export const leaderOfPid = (pid: number): ProcessIdentity => ({ pid, startTime: "", bootId: bootId() });
