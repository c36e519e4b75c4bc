import type { Clock } from "../../lib/clock.ts";
import type { EventFeed } from "./feed.ts";
import { HEARTBEAT_MS, type Source } from "./response-stream.ts";
import { SSE_HEARTBEAT } from "./sse.ts";
import { Bell } from "./wake-signal.ts";

/** Every event after number `since`, then what happens; ends with its reader. */
export const eventStream = (feed: EventFeed, clock: Clock, since: number): Source =>
  async function* (signal) {
    const bell = new Bell();
    const unsubscribe = feed.onNew(bell.ring);
    try {
      yield SSE_HEARTBEAT;
      for (let seq = since; !signal.aborted; ) {
        const events = feed.after(seq, BATCH);
        seq = events.at(-1)?.seq ?? seq;
        if (events.length > 0) yield encoder.encode(events.map((event) => event.text).join(""));
        else if (!(await bell.wait(clock, HEARTBEAT_MS, signal)) && !signal.aborted) yield SSE_HEARTBEAT;
      }
    } finally {
      unsubscribe();
    }
  };

const encoder = new TextEncoder();

/** Events sent in one piece. */
const BATCH = 256;
