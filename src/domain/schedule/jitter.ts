import type { JobId } from "../ids.ts";

/**
 * Returns the delay of an occurrence, 0 to `boundMs`. It depends only on the job and the instant (FNV-1a hash), so it is
 * the same after a restart and in a preview.
 */
export const jitterMs = (jobId: JobId, scheduledFor: number, boundMs: number): number => {
  if (boundMs <= 0) return 0;
  let hash = 0x811c9dc5;
  for (const character of `${jobId}@${scheduledFor}`)
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0) % (boundMs + 1);
};
