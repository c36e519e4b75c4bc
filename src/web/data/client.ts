import { createClient } from "../../client/client.ts";
import type { ReconnectOptions } from "../../client/reconnect.ts";
import { notePetitTime } from "./petit-time.ts";
import { sessionStore } from "./session-store.ts";

/** The client of the petit that serves this page. The browser sends the cookie of the session. The page asks for a token if petit refuses. */
export const petit = createClient({
  base: location.origin,
  onHeaders: notePetitTime,
  onRefused: (code, details) => {
    if (code === "UNAUTHORIZED") sessionStore.refuse(details?.reason === "not_logged_in" ? details : null);
  },
});

/** The clock of streams and reconnects. */
export const pageClock: ReconnectOptions["clock"] = {
  monotonic: () => performance.now(),
  setTimeout: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
