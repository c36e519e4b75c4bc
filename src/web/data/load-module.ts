import { ClientError } from "../../client/error.ts";
import { Reconnect } from "../../client/reconnect.ts";
import { pageClock, petit } from "./client.ts";

/**
 * Loads a part of the page, and waits while petit does not answer. Throws if petit answers but does not have the part:
 * then its version is not the page's.
 */
export const loadModule = async <Part>(load: () => Promise<Part>): Promise<Part> => {
  const reconnect = new Reconnect({ clock: pageClock, shouldRetry: () => true });
  let didAnswer = false;
  for (;;) {
    try {
      return await load();
    } catch (cause) {
      if (didAnswer) throw new Error("petit has another version than this page; reload the page.", { cause });
      didAnswer = await doesAnswer();
      if (!didAnswer) await reconnect.failed(cause);
    }
  }
};

const doesAnswer = (): Promise<boolean> =>
  petit.get("/api/health").then(
    () => true,
    (error: unknown) => error instanceof ClientError && error.failure.kind === "refused",
  );
