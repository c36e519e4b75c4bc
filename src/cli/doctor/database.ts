import { type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { errorMessage } from "../../lib/error-message.ts";
import { formatRoundedSize } from "../../lib/size.ts";
import { explainDenied, statDatabase } from "../../store/database/access.ts";
import { findDamage, findDanglingRows } from "../../store/database/check.ts";
import { SCHEMA_VERSION } from "../../store/database/migrate.ts";
import { MEMORY } from "../../store/database/open.ts";
import type { OwnershipOptions } from "../../store/database/ownership.ts";
import { type ReadOnlyDatabase, readDatabase } from "../../store/database/read-only.ts";
import { findSchemaDifferences } from "../../store/database/schema.ts";
import { siblingFile } from "../../store/database/sibling-file.ts";
import type { Context } from "../command.ts";
import { serviceUserOf } from "../service/place.ts";
import { type Check, failed, ok } from "./check.ts";
import {
  artifactsCheck,
  diskCheck,
  folderCheck,
  permissionsCheck,
  plantedChecks,
  roomHint,
  spoolCheck,
} from "./files.ts";
import { notificationsCheck } from "./notifications.ts";

/** Checks the database and the files next to it. */
export const databaseChecks = (context: Pick<Context, "settings" | "environment" | "runtime">): readonly Check[] => {
  const { settings, environment } = context;
  const path = settings.db;
  const owners = { db: path, environment, runsAs: serviceUserOf(context) };
  if (path === MEMORY) return [ok("database", "in memory; nothing is stored when petit ends")];
  const { stats, error } = tryStat(path);
  if (error !== null) return [failed("database", { message: error, hint: RUN_AS_OWNER })];
  // The folder of the file itself, because a symbolic link may lead to another disk, or nowhere.
  const folder = dirname(resolve(siblingFile(path, "")));
  const room = folderCheck(folder, owners);
  const isEmpty = stats?.isFile() === true && sizeOf(path) === 0;
  if (stats !== undefined && !isEmpty) return [...fileChecks(owners, context), room, ...roomChecks(path, folder)];
  if (room.status === "failed")
    return [failed("database", { message: `${path} can't be created`, hint: roomHint(folder) }), room];
  const state = isEmpty ? "is empty; 'petit run' will initialize it" : "does not exist yet; 'petit run' will create it";
  const planted = plantedChecks(owners);
  return [ok("database", `${path} ${state}`), ...planted, room, ...roomChecks(path, folder)];
};

const RUN_AS_OWNER = "run petit doctor as the user that petit runs as, for example with sudo";

type StatResult = { readonly stats: Stats | undefined; readonly error: string | null };

const tryStat = (path: string): StatResult => {
  try {
    return { stats: statDatabase(path), error: null };
  } catch (error) {
    return { stats: undefined, error: errorMessage(error) };
  }
};

const roomChecks = (path: string, folder: string): readonly Check[] => [
  diskCheck(folder),
  spoolCheck(path),
  ...artifactsCheck(path),
];

const fileChecks = (owners: OwnershipOptions, { runtime }: Pick<Context, "runtime">): readonly Check[] => {
  const path = owners.db;
  try {
    const checks = readDatabase({ path, runtime }, (existing) => [
      schemaCheck(path, existing, runtime),
      integrityCheck(path, existing),
      foreignKeysCheck(existing),
      ...notificationsCheck(existing),
    ]);
    return [...checks, permissionsCheck(owners)];
  } catch (error) {
    const hint =
      explainDenied(path) === null
        ? "choose another file with --db; if the database is damaged, replace it with a copy made by 'petit backup'"
        : RUN_AS_OWNER;
    return [failed("database", { message: errorMessage(error), hint })];
  }
};

const schemaCheck = (path: string, { db, state }: ReadOnlyDatabase, runtime: Context["runtime"]): Check => {
  const differences = damageOf(() => findSchemaDifferences(db, runtime));
  if (differences.length > 0) {
    const message = `${path} does not have the schema of petit: ${differences.join("; ")}`;
    return failed("database", { message, hint: OTHER_SCHEMA_HINT });
  }
  const behind = state.version < SCHEMA_VERSION ? ` of ${SCHEMA_VERSION}; the next start migrates it` : "";
  return ok("database", `${path}: ${formatRoundedSize(sizeOf(path))}, schema ${state.version}${behind}`);
};

const OTHER_SCHEMA_HINT =
  "another program has changed it, so backups fail: remove what is not one of petit with sqlite3, or replace the database by a backup";

/** Returns the size of the database and its write-ahead log, in bytes. */
const sizeOf = (path: string): number =>
  [path, siblingFile(path, "-wal")].reduce(
    (sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );

/** A full integrity check of a larger file takes minutes. */
const QUICK_FROM_BYTES = 2 ** 30;

const integrityCheck = (path: string, { db }: ReadOnlyDatabase): Check => {
  const quick = sizeOf(path) > QUICK_FROM_BYTES;
  const what = quick ? "quick_check" : "integrity_check";
  const damage = damageOf(() => findDamage(db, { quick }));
  if (damage.length === 0) return ok("integrity", `${what} found no damage`);
  const hint =
    "stop petit, keep the file, and replace it with a copy made by 'petit backup', or recover it with sqlite3's .recover";
  return failed("integrity", { message: `the database is damaged: ${damage.join("; ")}`, hint });
};

const foreignKeysCheck = ({ db }: ReadOnlyDatabase): Check => {
  const dangling = damageOf(() => findDanglingRows(db));
  if (dangling.length === 0) return ok("foreign_keys", "all references between rows are valid");
  const hint = "another program has written to the database; replace it with a copy made by 'petit backup'";
  return failed("foreign_keys", { message: `rows refer to missing rows: ${dangling.join("; ")}`, hint });
};

/** Runs a check. A database can be too damaged to be checked; the error is then the finding. */
const damageOf = (find: () => readonly string[]): readonly string[] => {
  try {
    return find();
  } catch (error) {
    return [errorMessage(error)];
  }
};
