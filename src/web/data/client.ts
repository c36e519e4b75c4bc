import { createClient } from "../../client/client.ts";
import type { ReconnectOptions } from "../../client/reconnect.ts";
import { tokenStore } from "./token-store.ts";

/** The client of the petit that serves this page. It sends the token of this tab, and asks for one if petit refuses. */
export const petit = createClient({
  base: location.origin,
  headers: () => {
    const { token } = tokenStore.get();
    return token === null ? {} : { authorization: `Bearer ${token}` };
  },
  onRefused: (code) => {
    if (code === "UNAUTHORIZED") tokenStore.refuse();
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
