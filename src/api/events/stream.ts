import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Clock } from "../../lib/clock.ts";
import type { Feed } from "./feed.ts";
import { type ByteSource, HEARTBEAT_MS } from "./response-body.ts";
import { SSE_HEARTBEAT } from "./sse.ts";
import { WakeSignal } from "./wake-signal.ts";

/** Streams every event after number `since`, then new ones until the reader disconnects. */
export const eventStream = (feed: Feed, clock: Clock, since: number): ByteSource =>
  async function* (signal) {
    const wake = new WakeSignal();
    const unsubscribe = feed.onNew(wake.notify);
    try {
      yield SSE_HEARTBEAT;
      let sentAt = clock.monotonic();
      for (let seq = since; !signal.aborted; ) {
        const events = feed.after(seq, BATCH);
        seq = events.at(-1)?.seq ?? seq;
        const text = events.map((event) => event.text).join("");
        if (text !== "") {
          yield encoder.encode(text);
          sentAt = clock.monotonic();
        } else if (events.length === 0 && !(await wake.wait(clock, waitMs(clock, sentAt), signal)) && !signal.aborted) {
          yield SSE_HEARTBEAT;
          sentAt = clock.monotonic();
        } else if (events.length > 0) await yieldToOthers();
      }
    } finally {
      unsubscribe();
    }
  };

/** Until the next heartbeat, in ms. Events that the reader does not get don't delay it. */
const waitMs = (clock: Clock, sentAt: number): number => Math.max(0, HEARTBEAT_MS - (clock.monotonic() - sentAt));

const encoder = new TextEncoder();

/** Maximum of events in one chunk. */
const BATCH = 256;
