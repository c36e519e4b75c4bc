import { problemPlace } from "../../domain/words/problem.ts";
import { shortCommit } from "../../domain/words/versions/repository.ts";
import type { JobsDiffData, SystemData } from "../data/shapes.ts";
import { Time } from "../ui/time/time.tsx";

type CommitData = NonNullable<NonNullable<SystemData["job_repository"]>["commit"]>;

export const Commit = ({ commit: { id, author, committed_at, subject } }: { readonly commit: CommitData }) => (
  <>
    <code title={id}>{shortCommit(id)}</code> {subject}{" "}
    <span className="muted">
      by {author}, <Time at={committed_at} />
    </span>
  </>
);

/** Lists the problems because of which petit does not take a commit. */
export const CommitProblems = ({ problems }: { readonly problems: JobsDiffData["problems"] }) => (
  <ul className="system-refused" aria-label="Problems of the commit">
    {problems.map(({ path, message, ...place }) => {
      const at = problemPlace(place);
      return (
        <li key={`${at}:${path}:${message}`}>
          {at !== "" && <code>{at}</code>} {path !== "" && <code>{path}: </code>}
          {message}
        </li>
      );
    })}
  </ul>
);
