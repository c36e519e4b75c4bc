import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Log } from "../../lib/log.ts";

/** Interval of heartbeats on an idle stream, so that no proxy closes it. */
export const HEARTBEAT_MS = 15_000;

/** Yields the bytes of a response until `signal` aborts. */
export type ByteSource = (signal: AbortSignal) => AsyncGenerator<Uint8Array>;

/**
 * Returns a response body that reads from `source` only after the client has read everything before, so that a slow reader
 * uses no memory. The signal of the source aborts when the client disconnects or `closing` aborts.
 */
export const streamBody = (source: ByteSource, closing: AbortSignal, log: Log): ReadableStream<Uint8Array> => {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  closing.addEventListener("abort", end, { once: true });
  if (closing.aborted) end();
  const generator = source(ending.signal);
  const finish = async (): Promise<void> => {
    closing.removeEventListener("abort", end);
    end();
    await generator.return(undefined);
  };
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        // A fast reader pulls again immediately: let other work run in between.
        await yieldToOthers();
        const { value, done } = await generator.next().catch((error: unknown) => {
          log.error({ err: error }, "a stream failed");
          return { value: undefined, done: true };
        });
        if (value !== undefined) controller.enqueue(value);
        if (!done) return;
        controller.close();
        await finish();
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );
};
