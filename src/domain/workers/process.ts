/** A process of a worker. Two machines that were cloned from each other have the same worker, but not the same process. */
export type WorkerProcess = {
  /** Random. */
  readonly id: string;
  /**
   * The boot of its machine, and the file of its state folder that only one process at a time can lock. Empty on a system that has no id of
   * its boot.
   */
  readonly file: string;
};

/**
 * Returns whether the later one of two processes knows everything about the other one: it is the same process, or it got the lock of the
 * same file, so the other one has ended.
 */
export const isSuccessor = (one: WorkerProcess, other: WorkerProcess): boolean =>
  one.id === other.id || (one.file !== "" && one.file === other.file);
