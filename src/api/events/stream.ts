import type { Clock } from "../../lib/clock.ts";
import type { EventFeed } from "./feed.ts";
import { type ByteSource, HEARTBEAT_MS } from "./response-body.ts";
import { SSE_HEARTBEAT } from "./sse.ts";
import { WakeSignal } from "./wake-signal.ts";

/** Streams every event after number `since`, then new ones until the reader disconnects. */
export const eventStream = (feed: EventFeed, clock: Clock, since: number): ByteSource =>
  async function* (signal) {
    const wake = new WakeSignal();
    const unsubscribe = feed.onNew(wake.notify);
    try {
      yield SSE_HEARTBEAT;
      for (let seq = since; !signal.aborted; ) {
        const events = feed.after(seq, BATCH);
        seq = events.at(-1)?.seq ?? seq;
        if (events.length > 0) yield encoder.encode(events.map((event) => event.text).join(""));
        else if (!(await wake.wait(clock, HEARTBEAT_MS, signal)) && !signal.aborted) yield SSE_HEARTBEAT;
      }
    } finally {
      unsubscribe();
    }
  };

const encoder = new TextEncoder();

/** Maximum of events in one chunk. */
const BATCH = 256;
