import type { Log } from "../lib/log.ts";

export type Guard = {
  readonly log: Log;
  /** Aborted when petit leaves: then nothing is wrong. */
  readonly left: AbortSignal;
  readonly fields: Readonly<Record<string, unknown>>;
};

/** A fault of petit itself must be seen, and must not take other runs along. */
export const guarded = async (work: () => Promise<unknown>, { log, left, fields }: Guard): Promise<void> => {
  try {
    await work();
  } catch (error) {
    if (!left.aborted) log.error({ err: error, ...fields }, "a run can't go on");
  }
};
