import { PetitError } from "../../domain/errors.ts";
import type { SqlDatabase } from "../../runtime/runtime.ts";
import init from "../migrations/0001_init.sql" with { type: "text" };
import notifications from "../migrations/0002_notifications.sql" with { type: "text" };
import windows from "../migrations/0003_windows.sql" with { type: "text" };
import versions from "../migrations/0004_versions.sql" with { type: "text" };
import actors from "../migrations/0005_actors.sql" with { type: "text" };
import items from "../migrations/0006_items.sql" with { type: "text" };
import jobFiles from "../migrations/0007_job_files.sql" with { type: "text" };
import except from "../migrations/0008_except.sql" with { type: "text" };
import workflows from "../migrations/0009_workflows.sql" with { type: "text" };
import workers from "../migrations/0010_workers.sql" with { type: "text" };
import restoresAndErrors from "../migrations/0011_restores_and_errors.sql" with { type: "text" };
import reviewsAndDeliveries from "../migrations/0012_reviews_and_deliveries.sql" with { type: "text" };
import versionsAndTriggers from "../migrations/0013_versions_and_triggers.sql" with { type: "text" };
import { fillVersions } from "../migrations/0013_versions_and_triggers.ts";
import people from "../migrations/0014_people.sql" with { type: "text" };
import limits from "../migrations/0015_limits.sql" with { type: "text" };
import keeping from "../migrations/0016_keeping.sql" with { type: "text" };
import { rollback } from "./transaction.ts";

/**
 * Migrations in order. The schema version (`user_version`) is the number that a database has applied.
 * Append only. SQLite stores the comments inside a statement with the schema, so these do not change either.
 */
const MIGRATIONS: readonly string[] = [
  init,
  notifications,
  windows,
  versions,
  actors,
  items,
  jobFiles,
  except,
  workflows,
  workers,
  restoresAndErrors,
  reviewsAndDeliveries,
  versionsAndTriggers,
  people,
  limits,
  keeping,
];

/** What a migration does that SQL can't, by the schema that it leads to. It runs after the SQL, in the same transaction. */
const FILLED: Readonly<Record<number, (db: SqlDatabase) => void>> = { 13: fillVersions };

/** Schema version that this petit writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** `application_id` of a petit database: "petj" as four bytes. */
export const APPLICATION_ID = 0x7065746a;

/** State of a database that can be read before anything is written to it. */
export type SchemaState = { readonly applicationId: number; readonly version: number; readonly isEmpty: boolean };

export const readSchemaState = (db: SqlDatabase): SchemaState => ({
  applicationId: pragma(db, "application_id"),
  version: pragma(db, "user_version"),
  isEmpty: db.prepare("SELECT 1 FROM sqlite_master LIMIT 1").get() === null,
});

const pragma = (db: SqlDatabase, name: "application_id" | "user_version"): number =>
  Number(db.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);

/** Throws `unusable_database` if the file belongs to another program or a newer petit. */
export const assertPetitSchema = (state: SchemaState, path: string): void => {
  const isNew = state.isEmpty && state.applicationId === 0 && state.version === 0;
  if (!isNew && state.applicationId !== APPLICATION_ID) {
    throw new PetitError(
      "unusable_database",
      `${path} is not a petit database; it was left untouched. Name another file with --db`,
    );
  }
  if (state.version > MIGRATIONS.length) {
    throw new PetitError(
      "unusable_database",
      `${path} has schema ${state.version} of a newer petit; this petit supports up to ${MIGRATIONS.length}. It was left untouched. Use the newer petit, or another file`,
    );
  }
};

/**
 * Brings the schema up to a version, by default the present one, with one transaction per migration. Foreign keys are not enforced
 * meanwhile, so that a migration can replace a table that others refer to (https://sqlite.org/lang_altertable.html#otheralter).
 */
export const migrate = (db: SqlDatabase, until = SCHEMA_VERSION): void => {
  db.exec("PRAGMA foreign_keys = OFF");
  applyMigrations(db, until);
  db.exec("PRAGMA foreign_keys = ON");
};

const applyMigrations = (db: SqlDatabase, until: number): void => {
  for (let { version } = readSchemaState(db); version < until; version++) {
    db.exec("BEGIN IMMEDIATE");
    try {
      db.exec(MIGRATIONS[version] ?? "");
      FILLED[version + 1]?.(db);
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      db.exec(`PRAGMA user_version = ${version + 1}`);
      db.exec("COMMIT");
    } catch (error) {
      rollback(db);
      throw error;
    }
  }
};
