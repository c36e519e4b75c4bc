import type { Clock } from "../../lib/clock.ts";

/**
 * Whether something may still come of a request's body. One that was read to its end, and none, are told from the answer:
 * what is refused may have been read in part.
 */
export const isUnread = ({ body, bodyUsed }: Request, status: number): boolean =>
  body !== null && !body.locked && (!bodyUsed || status >= 400);

/**
 * Takes the rest of a body and drops it. Many clients look for the answer only when they have sent everything; where the
 * connection ends before that, they tell of a broken pipe, not of what is wrong.
 */
export const drain = async ({ body, headers }: Request, clock: Clock): Promise<void> => {
  if (body === null || Number(headers.get("content-length") ?? 0) > MAX_DRAINED_BYTES) return;
  const reader = body.getReader();
  const giveUp = (): void => void reader.cancel().catch(() => {});
  const stopWaiting = clock.setTimeout(giveUp, MAX_DRAIN_MS);
  await drop(reader).catch(() => {});
  stopWaiting();
};

const drop = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> => {
  for (let left = MAX_DRAINED_BYTES; left > 0; ) {
    const { done, value } = await reader.read();
    if (done) return;
    left -= value.byteLength;
  }
};

/** Whoever sends more than this is not waited for. */
const MAX_DRAINED_BYTES = 32 * 1024 * 1024;
const MAX_DRAIN_MS = 2000;
