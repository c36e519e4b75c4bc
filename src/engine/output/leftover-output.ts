import { closeSync, constants, fstatSync, ftruncateSync } from "node:fs";
import type { Runtime } from "../../runtime/runtime.ts";
import { signalGroup } from "../attempt/process.ts";
import type { Pulse } from "../poller.ts";
import { openSpoolFile, type Spool } from "./spool.ts";

/** So much may stand in a file that nobody reads any more. */
const MAX_BYTES = 1_048_576;

export type Leftover = {
  readonly spool: Pick<Spool, "stdout" | "stderr">;
  /** The process group of an attempt that is over. */
  readonly group: number;
  readonly runtime: Pick<Runtime, "isOpenElsewhere">;
  readonly pulse: Pulse;
};

/**
 * A process that outlives its attempt can write on for ever, to files that nobody reads and that soon have no name: they
 * are kept short until nobody has them open any more, or petit is gone.
 */
export const keepShort = ({ spool, group, runtime, pulse }: Leftover): void => {
  if (!signalGroup(group, 0)) return;
  let files = [spool.stdout, spool.stderr].flatMap(open);
  const end = pulse.add(() => {
    const isOver = !signalGroup(group, 0);
    files = files.filter((fd) => {
      const stays = !isOver && isKeptShort(fd, runtime);
      if (!stays) closeSync(fd);
      return stays;
    });
    if (files.length === 0) end();
    return false;
  });
};

/** Cuts a file that somebody else has open; false where nobody has, or where it can't be cut: it is not looked at again. */
const isKeptShort = (fd: number, runtime: Leftover["runtime"]): boolean => {
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
    // It can't be helped: the process writes on as it will.
    return [];
  }
};
