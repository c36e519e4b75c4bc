import type { Attempt } from "../../domain/task-run.ts";
import { identifyBySpool } from "../attempt/identity.ts";
import type { Commits } from "../commits.ts";
import type { EngineOptions } from "../options.ts";
import type { Pulse } from "../poller.ts";
import type { Brake } from "./brake.ts";
import type { Output } from "./output.ts";
import type { Spool } from "./spool.ts";

export type WatchOptions = {
  readonly engine: Pick<EngineOptions, "store">;
  readonly attempt: Attempt;
  readonly spool: Spool;
  readonly pulse: Pulse;
  readonly commits: Commits;
};

/**
 * Moves output as it appears; a store that can't be written is tried again at the next look. Processes that write more
 * than can be read are stopped but for slices of time, and for as long as nothing can be stored.
 */
export const watchOutput = (output: Output, brake: Brake, options: WatchOptions): (() => void) => {
  const { outage } = options.commits;
  let isRecorded = options.attempt.process !== null;
  const look = (): boolean => {
    if (outage.isLocked) return false;
    try {
      if (!isRecorded) isRecorded = recordProcess(options);
      // It may have begun to write since the looks at others began.
      if (output.isOutgrown) brake.stop();
      return output.look();
    } catch (error) {
      // Storage is tried again at the next look, once no lock is known any more.
      outage.noteFailure(error);
      return false;
    }
  };
  const hold = (isBusy: boolean): boolean => {
    const isOutgrown = output.isOutgrown;
    if (isOutgrown || (isBusy && output.hasNew)) brake.stop();
    return isOutgrown;
  };
  const yieldTime = (): boolean => {
    const isOutgrown = output.isOutgrown;
    const mustWait = isOutgrown && outage.error !== null && !brake.isEnding;
    if (brake.isStopped && !mustWait) brake.continue();
    return isOutgrown && !mustWait;
  };
  return options.pulse.add(look, { hold, yield: yieldTime });
};

/** The process of an attempt that lasts; until then, and for one that is over at once, its spool folder names it. */
const recordProcess = ({ engine, attempt, spool }: WatchOptions): boolean => {
  const identity = identifyBySpool(spool);
  if (identity !== null) engine.store.runs.recordProcess(attempt.id, identity);
  return identity !== null;
};
