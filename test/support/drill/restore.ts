import { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { listCopies } from "../../../src/store/backup/folder.ts";
import { petit } from "../cli.ts";
import { type Petit, startPetit } from "../petit/petit.ts";
import { tempDir } from "../temp-dir.ts";
import { eventually } from "../torture/run.ts";

export type DrillOptions = {
  /** Runs before the backup, and after it. */
  readonly runs: number;
  readonly after: number;
  /** How much the database is enlarged for a measurement of triggers; 0 measures nothing. */
  readonly megabytes: number;
  readonly say: (text: string) => void;
};

export type Latencies = {
  readonly what: string;
  readonly count: number;
  /** In ms. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
};

export type DrillReport = {
  readonly before: number;
  readonly lost: number;
  readonly there: number;
  readonly artifacts: number;
  readonly linked: number;
  readonly copied: number;
  readonly bytes: number;
  readonly backupMs: number;
  readonly restoreMs: number;
  readonly fired: number;
  readonly twice: number;
  readonly missed: number;
  readonly latencies: readonly Latencies[];
  readonly violations: readonly string[];
};

/** `tick` writes each occurrence into a file outside of petit's folder, which survives the loss of it. */
const JOBS = `id: work
tasks: [{id: t, type: shell, script: 'echo "$PETIT_RUN_ID" > "$PETIT_ARTIFACTS/run.txt"'}]
---
id: tick
schedule: {cron: "* * * * * *", catchup: all}
tasks: [{id: t, type: shell, script: 'echo "$PETIT_SCHEDULED_FOR" >> "$DRILL/ticks"'}]
`;

/** How many runs are made at once. */
const AT_ONCE = 8;

const ARGS = ["--on-shutdown", "leave", "--retention-runs", "all", "--retention-days", "all", "--no-watch"];

/** Loses a petit with its folder, and restores it from a backup. */
export const drillRestore = async ({ runs, after, megabytes, say }: DrillOptions): Promise<DrillReport> => {
  using dir = tempDir();
  const [place, backups, ticks] = [dir.file("petit"), dir.file("backups"), dir.file("ticks")];
  for (const folder of [place, backups, dir.file("jobs")]) mkdirSync(folder, { mode: 0o700 });
  await Bun.write(dir.file("jobs/a.yaml"), JOBS);
  const start = (...args: readonly string[]): Promise<Petit> =>
    startPetit({ dir: place, jobsDir: dir.file("jobs"), args: [...ARGS, ...args], env: { DRILL: dir.path } });
  const command = (...args: readonly string[]) => petit(["--db", `${place}/petit.db`, ...args, "--json"]);
  let first = await start();
  say(`making ${runs} runs`);
  const before = await trigger(first, runs);
  await allEnded(`${place}/petit.db`);
  const latencies: Latencies[] = [];
  if (megabytes > 0) {
    say(`enlarging the database by ${megabytes} MB`);
    enlarge(`${place}/petit.db`, megabytes);
    await first.stop();
    const own = dir.file("own-backups");
    mkdirSync(own, { mode: 0o700 });
    // It makes the first backup at the start.
    first = await start("--backup-dir", own);
    latencies.push(await measure(first, "during a backup", () => listCopies(own).length > 0));
    const until = performance.now() + Math.min(10_000, 50 * megabytes);
    latencies.push(await measure(first, "without one", () => performance.now() > until));
  }
  say("making a backup");
  const backupStarted = performance.now();
  const made = parse(await command("backup", backups));
  const backupMs = performance.now() - backupStarted;
  const ticksBefore = linesOf(ticks).length;
  say(`making ${after} more runs, and losing the machine`);
  const later = await trigger(first, after);
  await allEnded(`${place}/petit.db`);
  await eventually("an occurrence after the backup", () => (linesOf(ticks).length > ticksBefore + 1 ? true : null));
  await first.kill();
  const lostTicks = linesOf(ticks);
  // Renamed, because processes that petit has left may still write into the folder, and a removal would fail.
  renameSync(place, dir.file("lost"));
  mkdirSync(place, { mode: 0o700 });
  const restoreStarted = performance.now();
  parse(await command("restore", backups));
  const restoreMs = performance.now() - restoreStarted;
  say("starting petit on the restored database");
  const second = await start();
  await eventually("an occurrence fires again", () => (linesOf(ticks).length > lostTicks.length + 2 ? true : null));
  await second.stop();
  const fired = linesOf(ticks);
  const stored = readStored(`${place}/petit.db`);
  const artifacts = stored.artifacts.filter(
    ({ run, path, sha256 }) => digestOf(`${place}/petit.db-artifacts/${run}/${path}`) === sha256,
  );
  const twice = fired.length - new Set(fired).size;
  const isThere = (id: string): boolean => stored.runs.has(id);
  return {
    before: before.length,
    lost: later.filter((id) => !isThere(id)).length,
    there: before.filter(isThere).length,
    artifacts: artifacts.length,
    linked: made.artifacts.linked,
    copied: made.artifacts.copied,
    bytes: made.bytes,
    backupMs,
    restoreMs,
    fired: fired.length,
    twice,
    missed: stored.missed,
    latencies,
    violations: [
      ...before.filter((id) => !isThere(id)).map((id) => `run ${id} ended before the backup, and is lost`),
      ...before.filter((id) => stored.runs.get(id) === "interrupted").map((id) => `run ${id} lost its end`),
      ...later.filter(isThere).map((id) => `run ${id} began after the backup, and is there`),
      ...(artifacts.length === stored.artifacts.length
        ? []
        : [`${stored.artifacts.length - artifacts.length} artifacts are missing or damaged`]),
      ...(twice === 0 ? [] : [`${twice} occurrences fired twice`]),
      ...(stored.missed === 0 ? ["no occurrence is missed: restored"] : []),
      ...stored.damage.filter((line) => line !== "ok"),
    ],
  };
};

const trigger = async (running: Petit, count: number): Promise<readonly string[]> => {
  const ids: string[] = [];
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = await running.fetch("/api/jobs/work/trigger?wait=60", { method: "POST" });
      const body = await answer.json();
      if (answer.status !== 200) throw new Error(`a trigger failed: ${JSON.stringify(body)}`);
      ids.push(body.run_id);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return ids;
};

/** Waits until no run of `work` is left: a measurement does not wait for them. */
const allEnded = (file: string): Promise<true> =>
  eventually("the end of the runs", () => (countOpen(file) === 0 ? true : null), 600_000);

const countOpen = (file: string): number => {
  const db = new Database(file, { readonly: true });
  try {
    const [[count = 0] = []] = db
      .query("SELECT count(*) FROM runs WHERE job_id = 'work' AND status IN ('pending', 'running')")
      .values();
    return Number(count);
  } finally {
    db.close();
  }
};

/** Triggers one run after the other until `isOver`. */
const measure = async (running: Petit, what: string, isOver: () => boolean): Promise<Latencies> => {
  const times: number[] = [];
  while (!isOver()) {
    const startedAt = performance.now();
    await (await running.fetch("/api/jobs/work/trigger", { method: "POST" })).arrayBuffer();
    times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);
  const at = (part: number): number => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
  return { what, count: times.length, p50: at(0.5), p99: at(0.99), max: at(1) };
};

/** A number of a line that no run has. */
const FIRST_LINE = 1_000_000;

/** Adds output, which tables of its own would not do: a backup refuses a database with another schema. */
const enlarge = (file: string, megabytes: number): void => {
  const db = new Database(file);
  db.run("PRAGMA busy_timeout = 10000");
  for (let done = 0; done < megabytes; done += 10)
    db.run(
      `WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000)
       INSERT INTO output (run, seq, lines, task_id, attempt, stream, at, bytes)
       SELECT (SELECT min(seq) FROM runs), ${FIRST_LINE} + ${done * 100} + i, 1, 't', 1, 'stdout', 0, randomblob(10000) FROM c`,
    );
  db.close();
};

const parse = ({ status, stdout, stderr }: Awaited<ReturnType<typeof petit>>) => {
  if (status !== 0) throw new Error(`a command failed: ${stderr}`);
  return JSON.parse(stdout);
};

const linesOf = (file: string): readonly string[] =>
  existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];

const digestOf = (file: string): string | null =>
  existsSync(file) ? createHash("sha256").update(readFileSync(file)).digest("hex") : null;

const readStored = (file: string) => {
  const db = new Database(file, { readonly: true });
  try {
    const runs = db.query("SELECT id, status FROM runs WHERE job_id = 'work'").values();
    const artifacts = db
      .query("SELECT runs.id, artifacts.path, artifacts.sha256 FROM artifacts JOIN runs ON runs.seq = artifacts.run")
      .values();
    const [[missed = 0] = []] = db
      .query("SELECT count(*) FROM occurrences WHERE outcome = 'missed' AND reason = 'restored'")
      .values();
    return {
      runs: new Map(runs.map(([id, status]) => [String(id), String(status)])),
      artifacts: artifacts.map(([run, path, sha256]) => ({
        run: String(run),
        path: String(path),
        sha256: String(sha256),
      })),
      missed: Number(missed),
      damage: db.query("PRAGMA integrity_check").values().flat().map(String),
    };
  } finally {
    db.close();
  }
};
