/**
 * Returns a version 7 UUID (RFC 9562): 48 bits of `nowMs`, then 74 random bits, so that ids sort by time. The random bits and
 * the variant have the same positions as in a version 4 UUID.
 */
export const uuidv7 = (nowMs: number): string => {
  const time = nowMs.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
};
