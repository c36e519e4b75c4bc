import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useStore } from "../data/external-store.ts";
import { sessionQuery } from "../data/queries.ts";
import { sessionStore } from "../data/session-store.ts";
import { Empty } from "../ui/states.tsx";

/**
 * What petit serves in place of the API reference to a browser that is not logged in. Shows the reference after the login, or at
 * once if the browser only left out the cookie, as it does after a link on another site.
 */
export const DocsLogin = () => {
  const { logins } = useStore(sessionStore);
  const isLoggedIn = useQuery(sessionQuery()).data !== undefined;
  useEffect(() => {
    if (logins > 0 || (isLoggedIn && !wasReloaded())) location.reload();
  }, [logins, isLoggedIn]);
  return (
    <Empty title="The reference of the HTTP API">
      <p>
        {isLoggedIn ? (
          <a href="/api/docs">Show the reference</a>
        ) : (
          "The reference requires a token, as the dashboard does."
        )}
      </p>
    </Empty>
  );
};

/** Prevents an endless loop if the browser never sends the cookie with a visit. */
const wasReloaded = (): boolean =>
  performance
    .getEntriesByType("navigation")
    .some((entry) => entry instanceof PerformanceNavigationTiming && entry.type === "reload");
