import { existsSync } from "node:fs";
import type { Runtime } from "../../runtime/runtime.ts";
import { SCHEMA_VERSION } from "../database/migrate.ts";
import { MEMORY } from "../database/open.ts";
import { readDatabase } from "../database/read-only.ts";

type DatabaseOptions = { readonly path: string; readonly runtime: Runtime };

/** Returns whether a database has a stored token that was not revoked. Changes nothing. */
export const hasStoredToken = (options: DatabaseOptions): boolean =>
  hasPresentSchema(options) &&
  readDatabase(options, ({ db }) => db.prepare("SELECT 1 FROM tokens WHERE revoked_at IS NULL LIMIT 1").get() !== null);

/** Returns whether there is a database that has the schema of this petit. */
export const hasPresentSchema = (options: DatabaseOptions): boolean =>
  options.path !== MEMORY &&
  existsSync(options.path) &&
  readDatabase(options, ({ state }) => state.version === SCHEMA_VERSION);
