import { createHash } from "node:crypto";
import type { JobId } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import { type NotifyTarget, receiverKey } from "../domain/notification.ts";
import type { SqlRow } from "../runtime/runtime.ts";
import { integer, json } from "./database/rows.ts";
import type { Statements } from "./database/statements.ts";
import { moveDurations } from "./durations.ts";
import { contentDigest, digestKey, digestOf } from "./versions/digest.ts";

type Rename = {
  readonly from: JobId;
  readonly to: JobId;
};

/** Moves all that is stored under an id of a job to another one, within the current transaction. */
export const moveHistory = (sql: Statements, rename: Rename): void => {
  const { from, to } = rename;
  moveVersions(sql, rename);
  sql.run("UPDATE runs SET job_id = $to WHERE job_id = $from", { from, to });
  moveOccurrences(sql, rename);
  moveDurations(sql, rename);
  moveSendings(sql, rename);
  sql.run("UPDATE actions SET job_id = $to WHERE job_id = $from", { from, to });
  moveDeliveries(sql, rename);
  // What the new id has already is left: it belongs to no trigger any more, and is deleted.
  sql.run("UPDATE OR IGNORE message_consumers SET job_id = $to WHERE job_id = $from", { from, to });
  sql.run("UPDATE backfills SET job_id = $to WHERE job_id = $from", { from, to });
  sql.run("UPDATE events SET job_id = $to WHERE job_id = $from", { from, to });
  moveIdempotencyKeys(sql, rename);
  moveMarks(sql, rename);
  moveExpectation(sql, rename);
};

/** If both jobs have an expectation, that of the new id is kept. */
const moveExpectation = (sql: Statements, { from, to }: Rename): void => {
  sql.run("UPDATE OR IGNORE expectations SET job_id = $to WHERE job_id = $from", { from, to });
  sql.run("DELETE FROM expectations WHERE job_id = $from", { from });
};

/** The definitions of the past get the new id too, because a run that goes on does so by its definition. */
const moveVersions = (sql: Statements, { from, to }: Rename): void => {
  // The versions of the former id come first.
  const last = integer(
    sql.get("SELECT coalesce(max(number), 0) AS last FROM job_versions WHERE job_id = $from", { from }) ?? {},
    "last",
  );
  for (const table of ["job_versions", "job_uses"])
    sql.run(`UPDATE ${table} SET number = number + $last WHERE job_id = $to`, { last, to });
  for (const row of sql.all("SELECT id, number, definition FROM job_versions WHERE job_id = $from", { from }))
    moveVersion(sql, row, { from, to });
  sql.run("UPDATE job_uses SET job_id = $to WHERE job_id = $from", { from, to });
};

/** A definition that both jobs have, but for their ids, is one version. */
const moveVersion = (sql: Statements, row: SqlRow, { from, to }: Rename): void => {
  const versionId = integer(row, "id");
  const job: Job = { ...json<Job>(row, "definition"), id: to };
  const [digest, content] = [digestOf(job), contentDigest(job, digestKey(sql))];
  const twin = sql.get("SELECT number FROM job_versions WHERE job_id = $to AND content = $content LIMIT 1", {
    to,
    content,
  });
  const number = twin === null ? integer(row, "number") : integer(twin, "number");
  sql.run("UPDATE job_uses SET number = $number WHERE job_id = $from AND number = $before", {
    from,
    before: integer(row, "number"),
    number,
  });
  const same = sql.get("SELECT id FROM job_versions WHERE job_id = $to AND digest = $digest", { to, digest });
  if (same !== null) replaceVersion(sql, versionId, integer(same, "id"));
  else
    sql.run(
      `UPDATE job_versions SET job_id = $to, digest = $digest, content = $content, definition = $definition, number = $number
       WHERE id = $versionId`,
      { to, digest, content, definition: JSON.stringify(job), number, versionId },
    );
};

const replaceVersion = (sql: Statements, versionId: number, by: number): void => {
  for (const table of ["jobs", "runs", "sendings"])
    sql.run(`UPDATE ${table} SET version = $by WHERE version = $versionId`, { versionId, by });
  sql.run("DELETE FROM job_versions WHERE id = $versionId", { versionId });
};

/** If both jobs have an entry for the same time, the one that started a run is kept. */
const moveOccurrences = (sql: Statements, { from, to }: Rename): void => {
  sql.run(
    `DELETE FROM occurrences WHERE job_id = $to AND outcome <> 'fired' AND EXISTS (
       SELECT 1 FROM occurrences AS former
       WHERE former.job_id = $from AND former.scheduled_for = occurrences.scheduled_for AND former.outcome = 'fired')`,
    { from, to },
  );
  sql.run("UPDATE OR IGNORE occurrences SET job_id = $to WHERE job_id = $from", { from, to });
  sql.run("DELETE FROM occurrences WHERE job_id = $from", { from });
};

/** The id of an entry about a job is its kind, a colon and the id of the job. */
const moveMarks = (sql: Statements, { from, to }: Rename): void => {
  sql.run(
    `UPDATE OR REPLACE attention_marks SET job_id = $to,
       entry_id = CASE WHEN substr(entry_id || ':', instr(entry_id, ':') + 1, length($from) + 1) = $from || ':'
         THEN substr(entry_id, 1, instr(entry_id, ':')) || $to || substr(entry_id, instr(entry_id, ':') + 1 + length($from))
         ELSE entry_id END
     WHERE job_id = $from`,
    { from, to },
  );
};

const moveSendings = (sql: Statements, { from, to }: Rename): void => {
  const targets = sql.all(
    `SELECT DISTINCT version, target, definition FROM sendings JOIN job_versions ON job_versions.id = version
     WHERE sendings.job_id = $from`,
    { from },
  );
  for (const row of targets) {
    const [version, place] = [integer(row, "version"), integer(row, "target")];
    const target = json<Job>(row, "definition").notify?.[place];
    if (target === undefined) continue;
    sql.run("UPDATE sendings SET channel = $channel WHERE job_id = $from AND version = $version AND target = $place", {
      channel: channelOf(to, target),
      from,
      version,
      place,
    });
  }
  sql.run("UPDATE sendings SET job_id = $to WHERE job_id = $from", { from, to });
};

/** A delivery that both jobs have under the same id of its provider loses that under the old job, where nothing repeats it any more. */
const moveDeliveries = (sql: Statements, { from, to }: Rename): void => {
  sql.run(
    `UPDATE deliveries SET provider_id = NULL WHERE job_id = $from AND replay_of IS NULL AND EXISTS (
       SELECT 1 FROM deliveries AS other WHERE other.job_id = $to AND other.type = deliveries.type
         AND other."trigger" = deliveries."trigger" AND other.provider_id = deliveries.provider_id AND other.replay_of IS NULL)`,
    { from, to },
  );
  sql.run("UPDATE deliveries SET job_id = $to WHERE job_id = $from", { from, to });
  for (const table of ["seen_files", "watched_patterns"])
    sql.run(`UPDATE OR REPLACE ${table} SET job_id = $to WHERE job_id = $from`, { from, to });
};

/** A request is stored as a JSON list that begins with the id. */
const moveIdempotencyKeys = (sql: Statements, { from, to }: Rename): void => {
  const [before, after] = [`${JSON.stringify([from]).slice(0, -1)},`, `${JSON.stringify([to]).slice(0, -1)},`];
  sql.run(
    `UPDATE idempotency_keys SET request = $after || substr(request, length($before) + 1)
     WHERE substr(request, 1, length($before)) = $before`,
    { before, after },
  );
};

/** Returns the channel of one job and one receiver. A corrected URL starts a new channel. */
export const channelOf = (jobId: JobId, target: NotifyTarget): string =>
  createHash("sha256")
    .update(JSON.stringify([jobId, ...JSON.parse(receiverKey(target))]))
    .digest("hex")
    .slice(0, 32);
