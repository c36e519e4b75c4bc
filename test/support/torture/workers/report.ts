import { Database } from "bun:sqlite";
import type { Restore } from "./restores.ts";
import type { WorkerTorture } from "./torture.ts";

/** Prints the counts of faults, requests and outcomes, and the violations. */
export const reportWorkers = ({ dbPath, done, accepted, restores, delays, violations }: WorkerTorture): void => {
  const db = new Database(dbPath, { readonly: true });
  const counts = (sql: string): string =>
    db
      .query<{ what: string; count: number }, []>(sql)
      .all()
      .map(({ what, count }) => `${count} ${what}`)
      .join(", ");
  const grouped = (what: string, table: string): string =>
    counts(`SELECT ${what} AS what, count(*) AS count FROM ${table} GROUP BY 1`);
  console.log(`done      ${[...done].map(([what, count]) => `${count} ${what}`).join(", ")}`);
  console.log(`accepted  ${accepted.size} triggers`);
  const sum = (of: keyof Restore): number => restores.reduce((total, restore) => total + restore[of].size, 0);
  console.log(
    `restored  ${restores.length} times: forgot ${sum("runs")} runs and ${sum("attempts")} attempts; ${sum("unfinished")} attempts were unfinished`,
  );
  console.log(`runs      ${grouped("status", "runs")}`);
  console.log(`attempts  ${grouped("coalesce(reason, status)", "attempts WHERE child_run_id IS NULL")}`);
  console.log(`machines  ${grouped("coalesce(worker, 'none')", "attempts WHERE child_run_id IS NULL")}`);
  console.log(`offers    ${grouped("state", "offers")}; ${grouped("'of epoch ' || epoch", "offers")}`);
  console.log(`notes     ${grouped("code", "attempt_notes") || "none"}`);
  console.log(`output    ${counts("SELECT 'bytes' AS what, sum(length(bytes)) AS count FROM output")}`);
  const seconds = (values: readonly number[]): string => values.map((ms) => (ms / 1_000).toFixed(2)).join(", ") || "-";
  console.log("delays    in seconds");
  console.log(`  a machine restarts: its lost attempt is reported after ${seconds(delays.returned)}`);
  console.log(`  a machine dies: its attempt is reported after          ${seconds(delays.died)}`);
  console.log(`  a machine is cut off: another one runs it after        ${seconds(delays.moved)}`);
  console.log(`    between the end of one and the beginning of the next ${seconds(delays.gaps)}`);
  console.log(violations.length === 0 ? "no violations" : `VIOLATIONS, kept in ${dbPath}:\n${violations.join("\n")}`);
  db.close();
};
