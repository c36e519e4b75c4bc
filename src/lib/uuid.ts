/**
 * A version 7 UUID (RFC 9562): 48 bits of `nowMs`, then 74 random bits, so that ids sort by the time they were made. The
 * random bits, and the bits that say which form it has, stand at the same places in a version 4 UUID.
 */
export const uuidv7 = (nowMs: number): string => {
  const time = nowMs.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
};
