import { lstatSync, renameSync, rmSync, statSync } from "node:fs";
import type { Attempt, ProcessIdentity } from "../../domain/task-run.ts";
import type { Clock } from "../../lib/clock.ts";
import { ensureSpoolFolder, readStatus, removeSpool, type Spool } from "../output/spool.ts";
import type { Poller } from "../poller.ts";
import { ageMs, bootId, identify, identifyBySpool, isOfThisBoot, isSame } from "./identity.ts";
import { type RunningProcess, recordedExit } from "./process.ts";
import { findStrays } from "./strays.ts";
import { resumeSuspended } from "./suspender.ts";

/**
 * Finds out what happened to the attempt of a previous process, and returns its process: already ended, still running, or
 * lost. Returns null if the attempt was never started; the caller starts it.
 */
export const adoptProcess = (
  attempt: Attempt,
  spool: Spool,
  { poller, clock }: { readonly poller: Poller; readonly clock: Clock },
): RunningProcess | null => {
  restoreFolder(spool);
  if (attempt.process !== null && !isOfThisBoot(attempt.process))
    return ofEarlierBoot(attempt.process, { attempt, spool, clock });
  const exit = recordedExit(spool);
  if (exit !== null) {
    const pid = readStatus(spool).pid ?? NO_PID;
    return { pid, exited: Promise.resolve(exit), endedAt: endOf(attempt, spool, clock) };
  }
  const identity = attempt.process ?? identifyStarted(spool);
  if (identity === null) return null;
  if (isSame(identity)) resumeSuspended({ leader: identity.pid, spool });
  return pollProcess(identity, spool, poller);
};

/**
 * Returns the process of an attempt of an earlier boot. It is lost unless it ended before the shutdown of the machine, which sends SIGTERM
 * and SIGKILL. The status counts only if the process has written it: after a power failure, a file may have the content that
 * it had when it was another attempt's.
 */
const ofEarlierBoot = (
  identity: ProcessIdentity,
  { attempt, spool, clock }: { readonly attempt: Attempt; readonly spool: Spool; readonly clock: Clock },
): RunningProcess => {
  const exit = readStatus(spool).pid === identity.pid ? recordedExit(spool) : null;
  const { pid } = identity;
  if (exit === null || SHUTDOWN_SIGNALS.has(exit.signal ?? "")) return { pid, exited: Promise.resolve(NO_EXIT) };
  return { pid, exited: Promise.resolve(exit), endedAt: endOf(attempt, spool, clock) };
};

const SHUTDOWN_SIGNALS: ReadonlySet<string> = new Set(["SIGTERM", "SIGKILL"]);

const NO_EXIT = { exitCode: null, signal: null, usage: null } as const;

/** A restored backup has no spool. On a full disk, the attempt fails when its output is opened. */
const restoreFolder = (spool: Spool): void => {
  try {
    ensureSpoolFolder(spool);
  } catch {}
};

/** Polls a process that is not a child of this process, until it has ended. */
const pollProcess = (identity: ProcessIdentity, spool: Spool, poller: Poller): RunningProcess => ({
  pid: identity.pid,
  identity,
  exited: new Promise((resolve) => {
    const remove = poller.add(() => {
      const isOver = readStatus(spool).exit !== null || !isSame(identity);
      if (isOver) {
        remove();
        resolve(recordedExit(spool) ?? NO_EXIT);
      }
      return isOver;
    });
  }),
});

/**
 * Returns the process of an attempt whose identity was not stored before the previous process ended. Returns null if no
 * process was started, and prevents a shell that has not begun yet from starting one.
 */
const identifyStarted = (spool: Spool): ProcessIdentity | null => {
  const { pid } = readStatus(spool);
  if (pid === null && isReplaced(spool)) return identifyByGroup(spool) ?? lost();
  if (pid === null && withdraw(spool)) return null;
  return identifyBySpool(spool) ?? lost(readStatus(spool).pid ?? NO_PID);
};

/** Returns whether a task has put something else in the place of its status file. Then it was started, and its exit status is lost. */
const isReplaced = ({ status }: Spool): boolean => lstatSync(status, { throwIfNoEntry: false })?.isFile() === false;

/** Returns the leader of the process group that runs an attempt, or null. */
const identifyByGroup = ({ dir, attemptId }: Spool): ProcessIdentity | null => {
  const [group] = findStrays({ spoolDir: dir }, (id) => id === attemptId);
  return group === undefined ? null : identify(group.pgid);
};

/**
 * Removes the spool files, so that a shell that has not written its pid yet can't start the program. Returns false if the
 * shell wrote its pid at the same moment: whether it then saw its status file is unknown, so the attempt counts as started.
 */
const withdraw = (spool: Spool): boolean => {
  const aside = `${spool.status}-withdrawn`;
  if (lstatSync(spool.status, { throwIfNoEntry: false }) === undefined) return true;
  renameSync(spool.status, aside);
  if (readStatus({ ...spool, status: aside }).pid !== null) {
    renameSync(aside, spool.status);
    return false;
  }
  rmSync(aside, { recursive: true });
  removeSpool(spool);
  return true;
};

const NO_PID = 0;

/** Returns the identity of a process that has ended. */
const lost = (pid = NO_PID): ProcessIdentity => ({ pid, startTime: "", bootId: bootId() });

/**
 * Returns when an attempt ended, by the clock of its run. The last write to the status file gives that by the wall clock. If
 * the result is impossible (before the start, or after the maximum age of the process), the wall clock was stepped before.
 */
const endOf = ({ startedAt, process }: Attempt, spool: Spool, clock: Clock): number => {
  const byWallMs = Math.floor(statSync(spool.status).mtimeMs) - startedAt;
  const maxMs = process === null ? null : ageMs(process);
  if (maxMs === null) return startedAt + Math.max(0, byWallMs);
  const steppedMs = clock.now() - startedAt - maxMs;
  const durationMs = byWallMs >= 0 && byWallMs <= maxMs ? byWallMs : byWallMs - steppedMs;
  return startedAt + Math.round(Math.min(maxMs, Math.max(0, durationMs)));
};
