import { ROLE_TEXT, VIA_TEXT } from "../../domain/words/people/person.ts";
import { scopeText } from "../../domain/words/people/scope.ts";
import type { SessionData } from "../data/shapes.ts";
import { Time } from "../ui/time/time.tsx";

/** Who the user is, what that allows, how long, and since when. */
export const PersonFacts = ({ session }: { readonly session: SessionData }) => {
  const { name, role, scope, via, address, expires_at } = session;
  return (
    <dl className="facts">
      {name !== null && (
        <>
          <dt>Name</dt>
          <dd>{name}</dd>
        </>
      )}
      <dt>Role</dt>
      <dd>
        {role}: {ROLE_TEXT[role]}
      </dd>
      <dt>Jobs</dt>
      <dd>{scope === null ? "all" : `only ${scopeText(scope)}; others are not shown`}</dd>
      <dt>Came in</dt>
      <dd>
        {VIA_TEXT[via]}
        {address !== null && `, from ${address}`}
      </dd>
      {expires_at !== null && (
        <>
          <dt>Until</dt>
          <dd>
            <Time at={expires_at} />, in all tabs of this browser
          </dd>
        </>
      )}
    </dl>
  );
};
