import { closeSync, constants, fstatSync, ftruncateSync } from "node:fs";
import type { Runtime } from "../../runtime/runtime.ts";
import { signalGroup } from "../attempt/process.ts";
import type { Poller } from "../poller.ts";
import { openSpoolFile, type Spool } from "./spool.ts";

/** Maximum size of a spool file that nobody reads any more. */
const MAX_BYTES = 1_048_576;

export type LeftoverOutputOptions = {
  readonly spool: Pick<Spool, "stdout" | "stderr">;
  /** The process group of an attempt that has ended. */
  readonly group: number;
  readonly runtime: Pick<Runtime, "isOpenElsewhere">;
  readonly poller: Poller;
};

/**
 * Truncates the output of processes that outlive their attempt. They can write without limit to files that nobody reads and
 * that are soon unlinked. Stops when no process has the files open, or when the engine detaches.
 */
export const limitLeftoverOutput = ({ spool, group, runtime, poller }: LeftoverOutputOptions): void => {
  if (!signalGroup(group, 0)) return;
  let files = [spool.stdout, spool.stderr].flatMap(open);
  const remove = poller.add(() => {
    const isOver = !signalGroup(group, 0);
    files = files.filter((fd) => {
      const remains = !isOver && limitFile(fd, runtime);
      if (!remains) closeSync(fd);
      return remains;
    });
    if (files.length === 0) remove();
    return false;
  });
};

/** Truncates a file that another process has open. Returns false if no process has it open or it can't be truncated. */
const limitFile = (fd: number, runtime: LeftoverOutputOptions["runtime"]): boolean => {
  try {
    if (!runtime.isOpenElsewhere(fd)) return false;
    // Writers use O_APPEND, so truncating the file is safe.
    if (fstatSync(fd).size > MAX_BYTES) ftruncateSync(fd);
    return true;
  } catch {
    return false;
  }
};

const open = (path: string): number[] => {
  try {
    const fd = openSpoolFile(path, constants.O_RDWR);
    return fd === null ? [] : [fd];
  } catch {
    // Without a descriptor the output can't be limited.
    return [];
  }
};
