import type { JobId } from "../ids.ts";

/**
 * How much later an occurrence starts: 0 to `boundMs`, drawn from the job and the instant alone (FNV-1a), so that it is
 * the same after a restart and in a preview.
 */
export const jitterMs = (jobId: JobId, scheduledFor: number, boundMs: number): number => {
  if (boundMs <= 0) return 0;
  let hash = 0x811c9dc5;
  for (const character of `${jobId}@${scheduledFor}`)
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0) % (boundMs + 1);
};
