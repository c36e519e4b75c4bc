import { useQuery } from "@tanstack/react-query";
import { sessionQuery } from "../data/queries.ts";
import { leave } from "../person/leave.ts";
import { PersonFacts } from "../person/person-facts.tsx";
import { Button } from "../ui/button.tsx";

/** Shows who is logged in, and ends the session. Nothing if petit requires no token. */
export const Session = () => {
  const { data } = useQuery(sessionQuery());
  if (data === undefined || !data.needs_token) return null;
  return (
    <section className="system-part" id="session">
      <h2>You</h2>
      <PersonFacts session={data} />
      {data.expires_at !== null && (
        <Button isOnce onClick={leave}>
          Log out
        </Button>
      )}
    </section>
  );
};
