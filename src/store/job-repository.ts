import type { CommitInfo } from "../domain/versions/repository.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import type { StoreContext } from "./context.ts";
import { integer, text, textOrNull } from "./database/rows.ts";

/** The repository that the job files are from. `JobStore.save` stores which commit is in use. */
export interface JobRepositoryStore {
  /** Returns what is stored. Of another repository than the one with this URL, that is only the commit in use. */
  get(url: string): StoredRepository;
  /** Stores which repository is followed. What somebody has chosen in another one is forgotten. */
  follow(url: string): void;
  /** Stores that a commit is chosen, or with null that the newest one is followed. */
  pin(commit: string | null): void;
  /** Stores which commit has problems and is not used, and since when, in ms since the Unix epoch; null if there is none. */
  refuse(refused: StoredRefusal | null): void;
  /** Returns the commits whose files a stored run uses. */
  listCommitsOfRuns(): readonly string[];
  /** Returns the commits whose files a run uses that has not ended. */
  listCommitsInUse(): readonly string[];
}

type StoredRefusal = { readonly commit: string; readonly since: number };

type StoredRepository = {
  /** False if another repository was followed before. */
  readonly isSame: boolean;
  /** The commit that is in use; null before the first one. */
  readonly commit: CommitInfo | null;
  readonly pinned: string | null;
  readonly refused: StoredRefusal | null;
};

export const createJobRepositoryStore = ({ sql, write }: StoreContext): JobRepositoryStore => ({
  get: (url) => {
    const row = sql.get(
      "SELECT url, commit_id, commit_author, committed_at, commit_subject, pinned_id, refused_id, refused_since FROM job_repository",
    );
    if (row === null) return { isSame: true, commit: null, pinned: null, refused: null };
    const commit = toCommit(row);
    if (text(row, "url") !== url) return { isSame: false, commit, pinned: null, refused: null };
    const refused = textOrNull(row, "refused_id");
    return {
      isSame: true,
      commit,
      pinned: textOrNull(row, "pinned_id"),
      refused: refused === null ? null : { commit: refused, since: integer(row, "refused_since") },
    };
  },

  follow: write("durable", (url) => {
    sql.run(
      `INSERT INTO job_repository (id, url) VALUES (1, $url)
       ON CONFLICT (id) DO UPDATE SET url = $url, pinned_id = NULL, refused_id = NULL, refused_since = NULL WHERE url <> $url`,
      { url },
    );
  }),

  pin: write("durable", (commit) => {
    sql.run("UPDATE job_repository SET pinned_id = $commit", { commit });
  }),

  refuse: write("durable", (refused) => {
    sql.run("UPDATE job_repository SET refused_id = $commit, refused_since = $since", {
      commit: refused?.commit ?? null,
      since: refused?.since ?? null,
    });
  }),

  // Each step finds the next commit in the index, however many runs have the same.
  listCommitsOfRuns: () =>
    sql
      .all(
        `WITH RECURSIVE used (id) AS (
           SELECT min(commit_id) FROM runs WHERE commit_id IS NOT NULL
           UNION ALL
           SELECT (SELECT min(commit_id) FROM runs WHERE commit_id IS NOT NULL AND commit_id > used.id) FROM used WHERE used.id IS NOT NULL)
         SELECT id FROM used WHERE id IS NOT NULL`,
      )
      .map((row) => text(row, "id")),

  listCommitsInUse: () =>
    sql
      .all("SELECT DISTINCT commit_id FROM runs WHERE status IN ('pending', 'running') AND commit_id IS NOT NULL")
      .map((row) => text(row, "commit_id")),
});

const toCommit = (row: SqlRow): CommitInfo | null => {
  const id = textOrNull(row, "commit_id");
  if (id === null) return null;
  return {
    id,
    author: text(row, "commit_author"),
    committedAt: integer(row, "committed_at"),
    subject: text(row, "commit_subject"),
  };
};
