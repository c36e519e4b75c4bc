import { setImmediate as turn } from "node:timers/promises";
import type { Log } from "../../lib/log.ts";

/** Ms between two signs of life on a silent stream, so that nothing on the way takes it for dead. */
export const HEARTBEAT_MS = 15_000;

export type Source = (signal: AbortSignal) => AsyncGenerator<Uint8Array>;

/**
 * A body that takes from `source` only when the client has taken what was before, so that a slow reader costs no
 * memory. `signal` aborts, and the source ends, when the client goes or `closing` aborts.
 */
export const streamBody = (source: Source, closing: AbortSignal, log: Log): ReadableStream<Uint8Array> => {
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
        // A fast reader asks again at once: everybody else has a turn in between.
        await turn();
        const { value, done } = await generator.next().catch((error: unknown) => {
          log.error({ err: error }, "a stream broke");
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
