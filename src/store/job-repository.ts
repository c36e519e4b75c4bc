import type { StoreContext } from "./context.ts";
import { integer, text, textOrNull } from "./database/rows.ts";

/** The repository that the job files are from. `JobStore.save` stores which commit is in use. */
export interface JobRepositoryStore {
  /** Notes the repository, and returns what is stored of it. Another one than before begins without a commit. */
  begin(url: string): StoredRepository;
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
  /** The commit that is in use; null before the first one. */
  readonly commit: string | null;
  readonly pinned: string | null;
  readonly refused: StoredRefusal | null;
};

export const createJobRepositoryStore = ({ sql, write }: StoreContext): JobRepositoryStore => ({
  begin: write("durable", (url) => {
    sql.run(
      `INSERT INTO job_repository (id, url) VALUES (1, $url)
       ON CONFLICT (id) DO UPDATE SET url = $url, commit_id = NULL, pinned_id = NULL, refused_id = NULL, refused_since = NULL
         WHERE url <> $url`,
      { url },
    );
    const row = sql.get("SELECT commit_id, pinned_id, refused_id, refused_since FROM job_repository");
    if (row === null) return { commit: null, pinned: null, refused: null };
    const refused = textOrNull(row, "refused_id");
    return {
      commit: textOrNull(row, "commit_id"),
      pinned: textOrNull(row, "pinned_id"),
      refused: refused === null ? null : { commit: refused, since: integer(row, "refused_since") },
    };
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
