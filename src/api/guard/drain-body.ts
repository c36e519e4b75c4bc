import type { Clock } from "../../lib/clock.ts";

/** Returns true if a part of the body may be unread. A refused request may have been read in part. */
export const isUnread = ({ body, bodyUsed }: Request, status: number): boolean =>
  body !== null && !body.locked && (!bodyUsed || status >= 400);

/**
 * Reads and discards the rest of a body. Many clients read the answer only after they have sent everything; if the
 * connection is closed before that, they report a broken pipe instead of the answer.
 */
export const drainBody = async ({ body, headers }: Request, clock: Clock): Promise<void> => {
  if (body === null || Number(headers.get("content-length") ?? 0) > MAX_DRAINED_BYTES) return;
  const reader = body.getReader();
  const giveUp = (): void => void reader.cancel().catch(() => {});
  const cancelTimeout = clock.setTimeout(giveUp, MAX_DRAIN_MS);
  await discard(reader).catch(() => {});
  cancelTimeout();
};

const discard = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> => {
  for (let remaining = MAX_DRAINED_BYTES; remaining > 0; ) {
    const { done, value } = await reader.read();
    if (done) return;
    remaining -= value.byteLength;
  }
};

const MAX_DRAINED_BYTES = 32 * 1024 * 1024;
const MAX_DRAIN_MS = 2000;
