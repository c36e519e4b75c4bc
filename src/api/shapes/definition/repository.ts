import { t } from "elysia";
import type { CommitInfo, RepositoryState } from "../../../domain/versions/repository.ts";
import { ProblemBody, problemBody } from "../scheduler.ts";
import { exactly, instant, instantOrNull, nullable } from "../schemas.ts";

const CommitId = t.String({ description: "Id of a commit, in hexadecimal", pattern: "^[0-9a-f]{40}([0-9a-f]{24})?$" });

export const CommitBody = exactly(
  {
    id: CommitId,
    author: t.String({ description: "Who made it" }),
    committed_at: instant("When it was committed"),
    subject: t.String({ description: "The first line of its message" }),
  },
  { title: "Commit", description: "A commit of the repository with the job files" },
);

const fields = {
  url: t.String({ description: "URL of the repository" }),
  ref: t.String({ description: "The branch or the tag that petit follows" }),
  path: t.String({ description: "Folder of the job files within the repository" }),
  commit: nullable(CommitBody, "The commit in use; null if there is none yet"),
  head: nullable(CommitBody, "The newest commit that was fetched; null if none was since the start"),
  pinned: nullable(
    CommitId,
    "The commit that somebody chose instead of the newest one; null while the ref is followed",
  ),
  refused: nullable(
    exactly({
      commit: CommitBody,
      since: instant("When petit refused it first, also if it has restarted since"),
      problems: t.Array(ProblemBody, { description: "By file and line" }),
    }),
    "The commit that has problems and is not used; null if there is none",
  ),
  failure: nullable(
    exactly({ error: t.String({ description: "Why, as a sentence" }), since: instant("When it failed first") }),
    "Why the repository can't be read; null if it can",
  ),
  checked_at: instantOrNull("When the server was asked last; null if it was not since the start"),
};

export const JobRepositoryBody = exactly(fields, {
  title: "JobRepository",
  description: "The git repository with the job files",
});

export const JobRepositoryChanged = exactly(
  { message: t.String({ description: "What petit did, as a sentence" }), ...fields },
  { title: "JobRepositoryChanged" },
);

export const jobRepositoryBody = (state: RepositoryState): typeof JobRepositoryBody.static => ({
  url: state.url,
  ref: state.ref,
  path: state.path,
  commit: commitBody(state.commit),
  head: commitBody(state.head),
  pinned: state.pinned,
  refused:
    state.refused === null
      ? null
      : {
          commit: commitOf(state.refused.commit),
          since: state.refused.since,
          problems: state.refused.problems.map(problemBody),
        },
  failure: state.failure,
  checked_at: state.checkedAt,
});

export const commitOf = ({ id, author, committedAt, subject }: CommitInfo): typeof CommitBody.static => ({
  id,
  author,
  committed_at: committedAt,
  subject,
});

const commitBody = (commit: CommitInfo | null): typeof CommitBody.static | null =>
  commit === null ? null : commitOf(commit);
