import { type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { formatRoundedSize } from "../../lib/size.ts";
import { explainDenied, statDatabase } from "../../store/database/access.ts";
import { findDamage, findDanglingRows } from "../../store/database/check.ts";
import { SCHEMA_VERSION } from "../../store/database/migrate.ts";
import { MEMORY } from "../../store/database/open.ts";
import { type ReadOnlyDatabase, readDatabase } from "../../store/database/read-only.ts";
import { siblingFile } from "../../store/database/sibling-file.ts";
import type { Context } from "../command.ts";
import { type Check, failed, ok, reasonOf } from "./check.ts";
import { diskCheck, folderCheck, permissionsCheck, plantedChecks, roomHint, spoolCheck } from "./files.ts";
import { notificationsCheck } from "./notifications.ts";

/** The database and what lies beside it. */
export const databaseChecks = (context: Context): readonly Check[] => {
  const { settings, environment } = context;
  const path = settings.db;
  if (path === MEMORY) return [ok("database", "is kept in memory: nothing outlives petit")];
  const { found, why } = lookAt(path);
  if (why !== null) return [failed("database", { message: why, hint: BE_THAT_USER })];
  // Of the file itself: a link may lead to another disk, or to none.
  const folder = dirname(resolve(siblingFile(path, "")));
  const room = folderCheck(folder, { db: path, environment });
  const isEmpty = found?.isFile() === true && sizeOf(path) === 0;
  if (found !== undefined && !isEmpty) return [...fileChecks(path, context), room, ...roomChecks(path, folder)];
  if (room.status === "failed")
    return [failed("database", { message: `${path} can't be made`, hint: roomHint(folder) }), room];
  const yet = isEmpty ? `is empty; 'petit run' makes a database of it` : `is not there yet; 'petit run' makes it`;
  const planted = plantedChecks({ db: path, environment });
  return [ok("database", `${path} ${yet}`), ...planted, room, ...roomChecks(path, folder)];
};

const BE_THAT_USER = "run petit doctor as the user of that petit, such as with sudo";

type Look = { readonly found: Stats | undefined; readonly why: string | null };

const lookAt = (path: string): Look => {
  try {
    return { found: statDatabase(path), why: null };
  } catch (error) {
    return { found: undefined, why: reasonOf(error) };
  }
};

const roomChecks = (path: string, folder: string): readonly Check[] => [diskCheck(folder), spoolCheck(path)];

const fileChecks = (path: string, { runtime, environment }: Context): readonly Check[] => {
  try {
    const inside = readDatabase({ path, runtime }, (existing) => [
      schemaCheck(path, existing),
      integrityCheck(path, existing),
      foreignKeysCheck(existing),
      ...notificationsCheck(existing),
    ]);
    return [...inside, permissionsCheck({ db: path, environment })];
  } catch (error) {
    const hint =
      explainDenied(path) === null
        ? "name another file with --db; a damaged database is best replaced by a copy of 'petit backup'"
        : BE_THAT_USER;
    return [failed("database", { message: reasonOf(error), hint })];
  }
};

const schemaCheck = (path: string, { state }: ReadOnlyDatabase): Check => {
  const behind = state.version < SCHEMA_VERSION ? ` of ${SCHEMA_VERSION}; the next start brings it up to date` : "";
  return ok("database", `${path}: ${formatRoundedSize(sizeOf(path))}, schema ${state.version}${behind}`);
};

/** With what is not yet in the file itself. */
const sizeOf = (path: string): number =>
  [path, siblingFile(path, "-wal")].reduce(
    (sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );

/** A full check of a file beyond this takes minutes. */
const QUICK_FROM_BYTES = 2 ** 30;

const integrityCheck = (path: string, { db }: ReadOnlyDatabase): Check => {
  const quick = sizeOf(path) > QUICK_FROM_BYTES;
  const what = quick ? "quick_check" : "integrity_check";
  const damage = damageOf(() => findDamage(db, { quick }));
  if (damage.length === 0) return ok("integrity", `${what} found nothing wrong`);
  const hint =
    "stop petit, keep the file, and put a copy of 'petit backup' in its place; or save it with sqlite3's .recover";
  return failed("integrity", { message: `the database is damaged: ${damage.join("; ")}`, hint });
};

const foreignKeysCheck = ({ db }: ReadOnlyDatabase): Check => {
  const dangling = damageOf(() => findDanglingRows(db));
  if (dangling.length === 0) return ok("foreign_keys", "every row has what it refers to");
  const hint = "something else than petit has written to the database; put a copy of 'petit backup' in its place";
  return failed("foreign_keys", { message: `rows refer to what isn't there: ${dangling.join("; ")}`, hint });
};

/** What is damaged badly enough can't be checked. */
const damageOf = (find: () => readonly string[]): readonly string[] => {
  try {
    return find();
  } catch (error) {
    return [reasonOf(error)];
  }
};
