import { expect, test } from "bun:test";
import { join } from "node:path";
import { openRuntime } from "#runtime";
import { RUN_FIELDS } from "../../../src/domain/run.ts";
import { openStore } from "../../../src/store/database/open.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Columns that only petit itself reads, and the parts of `parent`, `delivery` and `backfill`. */
const INTERNAL = ["seq", "version", "nesting", "chain", "ending", "ends_clean_ups", "lost", "end_unseen"];
const OF_DELIVERY = ["delivery_id"];
const OF_BACKFILL = ["backfill_id"];

const OF_COMMIT = ["commit_id"];
const OF_PARENT = ["parent_run_id", "parent_task_id", "parent_item", "parent_attempt"];

test("every column of a run is returned by the API under its name, or internal", () => {
  using dir = tempDir();
  const path = join(dir.path, "petit.db");
  const runtime = openRuntime();
  openStore({ path, runtime })[Symbol.dispose]();
  const db = runtime.openDatabase(path);
  const columns = db.prepare("SELECT name FROM pragma_table_info('runs')").all();
  db.close();
  const returned = Object.keys(RUN_FIELDS).filter(
    (name) => !["parent", "delivery", "backfill", "commit", "duration_ms"].includes(name),
  );
  expect(columns.map(({ name }) => String(name)).toSorted()).toEqual(
    [...returned, ...INTERNAL, ...OF_DELIVERY, ...OF_BACKFILL, ...OF_COMMIT, ...OF_PARENT].toSorted(),
  );
});
