import type { Job } from "../../domain/job.ts";
import type { SqlDatabase } from "../../runtime/runtime.ts";
import { bytes, exactJson, integer } from "../database/rows.ts";
import { contentDigest, SELECT_KEY } from "../versions/digest.ts";

/** Number of definitions that are in memory at once. */
const STEP = 500;

/** Fills what 0013_versions_and_triggers.sql has created, within the same transaction. */
export const fillVersions = (db: SqlDatabase): void => {
  fillContents(db);
  db.exec(MERGE_NUMBERS);
  db.exec(ADD_USES);
  db.exec(ADD_REVERTED);
};

const fillContents = (db: SqlDatabase): void => {
  const key = bytes(db.prepare(SELECT_KEY).get() ?? {}, "digest_key");
  const select = db.prepare("SELECT id, definition FROM job_versions WHERE id > $after ORDER BY id LIMIT $limit");
  const update = db.prepare("UPDATE job_versions SET content = $content WHERE id = $id");
  for (let after = 0, size = STEP; size === STEP; ) {
    const rows = select.all({ after, limit: STEP });
    for (const row of rows) {
      after = integer(row, "id");
      // Its shape is not checked, because only petit writes it.
      update.run({ id: after, content: contentDigest(exactJson(row, "definition") as unknown as Job, key) });
    }
    size = rows.length;
  }
};

/** A definition that was the current one again, at another place in its file, used to get a number of its own. */
const MERGE_NUMBERS = `
  UPDATE job_versions SET number = merged.number
  FROM (SELECT job_id, content, min(number) AS number FROM job_versions GROUP BY job_id, content) AS merged
  WHERE merged.job_id = job_versions.job_id AND merged.content = job_versions.content AND merged.number < job_versions.number`;

/**
 * Each version was in use from when it was first read until the next one was. The times of reverts are not known, but for the last one.
 * A job that only `petit trigger JOBS_DIR JOB` has run was removed when it was first seen.
 */
const ADD_USES = `
  INSERT INTO job_uses (job_id, number, since, until)
  SELECT known.job_id, known.number, known.since,
    CASE
      WHEN next IS NOT NULL THEN max(known.since, next)
      WHEN jobs.removed_at IS NOT NULL THEN max(known.since, jobs.removed_at)
      WHEN known.number <> current.number THEN max(known.since, coalesce(jobs.changed_at, known.since))
    END
  FROM (
    SELECT job_id, number, min(created_at) AS since,
      lead(min(created_at)) OVER (PARTITION BY job_id ORDER BY number) AS next
    FROM job_versions GROUP BY job_id, number
  ) AS known
  JOIN jobs ON jobs.id = known.job_id
  JOIN job_versions AS current ON current.id = jobs.version
  WHERE jobs.renamed_to IS NULL AND jobs.removed_at IS NOT jobs.first_seen_at
  ORDER BY known.job_id, known.number`;

const ADD_REVERTED = `
  INSERT INTO job_uses (job_id, number, since)
  SELECT jobs.id, job_versions.number, max(coalesce(jobs.changed_at, 0), coalesce((SELECT max(until) FROM job_uses WHERE job_id = jobs.id), 0))
  FROM jobs JOIN job_versions ON job_versions.id = jobs.version
  WHERE jobs.removed_at IS NULL AND NOT EXISTS (SELECT 1 FROM job_uses WHERE job_id = jobs.id AND until IS NULL)`;
