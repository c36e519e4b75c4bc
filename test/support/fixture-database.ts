import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const FIXTURES = join(import.meta.dirname, "../fixtures/databases");

/** The schemas of which a database is kept, as the petit of that time left it; `make.ts` beside them makes one. */
export const KEPT_SCHEMAS: readonly number[] = readdirSync(FIXTURES)
  .filter((name) => /^\d+$/.test(name))
  .map(Number)
  .sort((a, b) => a - b);

/** Lays a copy into a folder: `petit.db`, what ran, and the job files. Answers the path of the database. */
export const layDatabase = (schema: number, dir: string): string => {
  const kept = join(FIXTURES, String(schema));
  const dbPath = join(dir, "petit.db");
  writeFileSync(dbPath, gunzipSync(readFileSync(join(kept, "petit.gz"))), { mode: 0o600 });
  cpSync(join(kept, "spool"), `${dbPath}-spool`, { recursive: true });
  mkdirSync(join(dir, "jobs"));
  cpSync(join(kept, "jobs.yaml"), join(dir, "jobs/all.yaml"));
  return dbPath;
};

/** What the petit of that time answered: by path, JSON or the text of a log. */
export const keptAnswers = (schema: number): ReadonlyMap<string, unknown> =>
  new Map(
    readFileSync(join(FIXTURES, String(schema), "answers.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  );
