import { jobsDiffText } from "../../domain/words/versions/jobs-diff.ts";
import { shortCommit } from "../../domain/words/versions/repository.ts";
import type { JobsDiffData } from "../data/shapes.ts";
import { JobChanges } from "../ui/job-changes.tsx";
import { capital } from "../ui/text/format.ts";
import { Commit, CommitProblems } from "./commit.tsx";
import "./commit-changes.css";

/** Shows the jobs that a commit would add, remove and change, or its problems. */
export const CommitChanges = ({ diff }: { readonly diff: JobsDiffData }) => {
  const { commit, in_use: inUse, problems } = diff;
  return (
    <div className="commit-changes job-changes">
      <p>
        <Commit commit={commit} />
      </p>
      <p role="status">
        <strong>{capital(jobsDiffText(diff))}</strong>
        {inUse === null
          ? ", compared with nothing"
          : commit.id === inUse.id
            ? ": it is in use"
            : `, compared with ${shortCommit(inUse.id)}, which is in use`}
        .
      </p>
      {problems.length > 0 && <CommitProblems problems={problems} />}
      <JobChanges diff={diff} />
    </div>
  );
};
