import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { listCopies } from "../../src/store/backup/folder.ts";
import { petit, tempFolder } from "../support/cli.ts";
import { startPetit } from "../support/petit/petit.ts";

const JOBS = `id: keeps
tasks: [{id: t, type: shell, script: 'echo kept > "$PETIT_ARTIFACTS/a.txt"'}]
`;

test("petit makes a backup by itself, says how old it is, and what to do when one fails", async () => {
  using folder = tempFolder();
  const backups = join(folder.path, "backups");
  const config = folder.write("config.yaml", 'backup: {dir: backups, at: "* * * * * *", keep: {days: 1, weeks: 0}}\n');
  const start = () => startPetit({ dir: folder.path, jobs: { "a.yaml": JOBS }, env: { PETIT_CONFIG: config } });
  const first = await start();
  const attention = async () => (await (await first.fetch("/api/attention")).json()).items;
  while ((await attention()).length === 0) await setTimeout(50);
  expect(await attention()).toMatchObject([
    { kind: "backup_failed", folder: backups, fault: "folder_missing", last_at: null },
  ]);
  expect(await (await first.fetch("/api/health")).json()).toMatchObject({
    status: "degraded",
    backup: { last_at: null, age_ms: null, is_failing: true },
  });
  expect(await (await first.fetch("/metrics")).text()).toContain("petit_backup_failing 1\n");
  await first.stop();
  mkdirSync(backups, { mode: 0o700 });
  await using running = await start();
  expect((await running.fetch("/api/jobs/keeps/trigger?wait=20", { method: "POST" })).status).toBe(200);
  // A backup at each second: the second one from now began after the run.
  const before = listCopies(backups)[0]?.at ?? 0;
  const newer = () => listCopies(backups).filter(({ at }) => at > before);
  while (newer().length < 2) await setTimeout(50);
  const { backup } = await (await running.fetch("/api/system")).json();
  expect(backup).toMatchObject({ folder: backups, failing_since: null, error: null });
  expect((await (await running.fetch("/api/health")).json()).status).toBe("ok");
  expect(await (await running.fetch("/metrics")).text()).toMatch(
    /petit_backup_last_success_timestamp_seconds 1[0-9]{9}/,
  );
  await running.stop();
  const doctor = await petit(["doctor", "--json", "--config", config, "--db", running.dbPath]);
  const checks: readonly { readonly name: string }[] = JSON.parse(doctor.stdout).checks;
  expect(checks.find(({ name }) => name === "backups")).toMatchObject({
    message: expect.stringContaining(`in ${backups}, the last of`),
  });
  const restored = await petit(["--db", running.dbPath, "restore", backups, "--json"]);
  expect(JSON.parse(restored.stdout)).toMatchObject({ runs: 1, lost_runs: 0, missing_artifacts: [] });
}, 60_000);

/** Returns the state of the process that makes a backup to a folder of a petit, such as T for stopped; null if there is none. */
const stateOfBackup = (petitPid: number): string | null => {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const [, state, parent] = /\) (\S) (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
      const isBackup = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("make-backup");
      if (isBackup && Number(parent) === petitPid) return state ?? null;
    } catch {
      // It has ended.
    }
  }
  return null;
};

test("a backup rests for most of the time, and is completed if petit is killed while it rests", async () => {
  using folder = tempFolder();
  const backups = join(folder.path, "backups");
  mkdirSync(backups, { mode: 0o700 });
  const first = await startPetit({ dir: folder.path, jobs: { "a.yaml": JOBS } });
  expect((await first.fetch("/api/jobs/keeps/trigger?wait=20", { method: "POST" })).status).toBe(200);
  await first.stop();
  enlarge(first.dbPath);
  // One at each second, because the first may be over before anybody looks.
  const args = ["--backup-dir", backups, "--backup-at", "* * * * * *"];
  const running = await startPetit({ dir: folder.path, jobs: { "a.yaml": JOBS }, args });
  const isBegun = () => readdirSync(backups).some((name) => /\.db-[0-9a-f]{8}$/.test(name));
  let before = listCopies(backups).length;
  while (!isBegun() || stateOfBackup(running.pid) !== "T") {
    await setTimeout(1);
    before = listCopies(backups).length;
  }
  await running.kill();
  while (listCopies(backups).length === before) await setTimeout(20);
  const restored = await petit(["--db", running.dbPath, "restore", backups, "--json"]);
  expect(JSON.parse(restored.stdout)).toMatchObject({ runs: 1, lost_runs: 0, missing_artifacts: [] });
}, 60_000);

/** Adds so much output that petit stops the process several times. */
const enlarge = (file: string): void => {
  const db = new Database(file);
  db.run(
    `WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 4000)
     INSERT INTO output (run, seq, lines, task_id, attempt, stream, at, bytes)
     SELECT (SELECT min(seq) FROM runs), 1000000 + i, 1, 't', 1, 'stdout', 0, randomblob(10000) FROM c`,
  );
  db.close();
};
