import { ClientError } from "../../client/error.ts";
import { Reconnect } from "../../client/reconnect.ts";
import { pageClock, petit } from "./client.ts";

/**
 * Loads a module of the page. Retries while petit is unreachable. Throws if petit is reachable but does not have the module,
 * because it is another version than the page.
 */
export const loadModule = async <Module>(load: () => Promise<Module>): Promise<Module> => {
  const reconnect = new Reconnect({ clock: pageClock, shouldRetry: () => true });
  let wasReachable = false;
  for (;;) {
    try {
      return await load();
    } catch (cause) {
      if (wasReachable) throw new Error("petit has another version than this page. Reload the page.", { cause });
      wasReachable = await isReachable();
      if (!wasReachable) await reconnect.failed(cause);
    }
  }
};

/** Returns true if petit itself answers, and not a proxy in its place. */
const isReachable = (): Promise<boolean> =>
  petit.get("/api/health").then(
    () => true,
    (error: unknown) => error instanceof ClientError && error.failure.kind === "refused",
  );
