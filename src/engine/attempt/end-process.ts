import type { ProcessIdentity } from "../../domain/task-run.ts";
import type { Spool } from "../output/spool.ts";
import { identifyBySpool, isSame } from "./identity.ts";
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
