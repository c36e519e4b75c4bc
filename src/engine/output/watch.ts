import type { Attempt } from "../../domain/task-run.ts";
import { identifyBySpool } from "../attempt/identity.ts";
import type { Suspender } from "../attempt/suspender.ts";
import type { Commits } from "../commits.ts";
import type { EngineOptions } from "../options.ts";
import type { Poller } from "../poller.ts";
import type { OutputCollector } from "./collector.ts";
import type { Spool } from "./spool.ts";

export type WatchOutputOptions = {
  readonly store: EngineOptions["store"];
  readonly attempt: Attempt;
  readonly spool: Spool;
  readonly poller: Poller;
  readonly commits: Commits;
};

/**
 * Polls the spool files of an attempt and stores new output. Returns a function that stops this. While the store can't be
 * written, each poll retries. Processes that write more than can be read are suspended except for slices of time, and
 * entirely while nothing can be stored.
 */
export const watchOutput = (
  output: OutputCollector,
  suspender: Suspender,
  options: WatchOutputOptions,
): (() => void) => {
  const { outage } = options.commits;
  let isRecorded = options.attempt.process !== null;
  const collect = (): boolean => {
    if (outage.isLocked) return false;
    try {
      if (!isRecorded) isRecorded = recordProcess(options);
      // The process may have written more while other attempts were polled.
      if (output.isBehind) suspender.suspend();
      return output.collect();
    } catch (error) {
      // The next poll retries, as soon as no lock is known.
      outage.noteFailure(error);
      return false;
    }
  };
  const suspend = (isBusy: boolean): boolean => {
    const isBehind = output.isBehind;
    if (isBehind || (isBusy && output.hasUnread)) suspender.suspend();
    return isBehind;
  };
  const resume = (): boolean => {
    const isBehind = output.isBehind;
    const mustWait = isBehind && outage.error !== null && !suspender.isEnding;
    if (suspender.isSuspended && !mustWait) suspender.resume();
    return isBehind && !mustWait;
  };
  return options.poller.add(collect, { suspend, resume });
};

/** Stores the identity of the process. Before that, and for attempts that end quickly, the spool files identify it. */
const recordProcess = ({ store, attempt, spool }: WatchOutputOptions): boolean => {
  const identity = identifyBySpool(spool);
  if (identity !== null) store.runs.recordProcess(attempt.id, identity);
  return identity !== null;
};
