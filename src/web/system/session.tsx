import { useQuery } from "@tanstack/react-query";
import { noticeStore } from "../data/notice-store.ts";
import { sessionQuery } from "../data/queries.ts";
import { logOut } from "../data/session.ts";
import { Button } from "../ui/button.tsx";
import { Time } from "../ui/time/time.tsx";

/** Shows who is logged in, and ends the session. Nothing if petit requires no token. */
export const Session = () => {
  const { data } = useQuery(sessionQuery());
  if (data === undefined || !data.needs_token) return null;
  const leave = (): void =>
    void logOut().catch((error: unknown) => noticeStore.show({ text: "You are still logged in", error }));
  return (
    <section className="system-part" id="session">
      <h2>Session</h2>
      <p>
        You are logged in{data.name !== null && ` as ${data.name}`} with the role {data.role}
        {data.expires_at !== null && (
          <>
            {" "}
            until <Time at={data.expires_at} />
          </>
        )}
        , in all tabs of this browser.
      </p>
      <Button isOnce onClick={leave}>
        Log out
      </Button>
    </section>
  );
};
