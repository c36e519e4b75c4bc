import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canInject, killAtCall } from "../support/engine/faults.ts";
import { ask, post, runToEnd, start } from "../support/petit/api.ts";
import { startPetit } from "../support/petit/petit.ts";
import { taskProcesses } from "../support/torture/processes.ts";
import { endOf } from "../support/torture/run.ts";

/** The instants of the reload at which petit is killed; `PETIT_CRASH_POINTS=60` tests all. */
const POINTS = Number(process.env.PETIT_CRASH_POINTS ?? 6);

/** The approximate number of these calls from the request on until the answer. */
const ALL_POINTS = 60;

/** The system calls that change the database. */
const CALLS = "pwrite64,fsync,fdatasync,ftruncate,fcntl";

const jobOf = (head: string): string => `${head}
schedule: "@yearly"
notify: [{type: webhook, url: "http://127.0.0.1:9/", on: [success]}]
tasks: [{id: wait, type: shell, script: 'until [ -e go ]; do sleep 0.05; done; echo done'}]
`;

/** Returns the ids under which there is any of the history. */
const ownersOf = (dbPath: string): readonly unknown[] => {
  using db = new Database(dbPath);
  expect(db.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  return db
    .query(
      `SELECT id FROM jobs WHERE removed_at IS NULL UNION SELECT job_id FROM runs UNION SELECT job_id FROM occurrences
       UNION SELECT job_id FROM sendings UNION SELECT job_id FROM events WHERE job_id IS NOT NULL
       UNION SELECT request ->> '$[0]' FROM idempotency_keys
       UNION SELECT job_id FROM job_uses
       UNION SELECT definition ->> 'id' FROM job_versions WHERE id IN (SELECT version FROM runs)`,
    )
    .values()
    .flat();
};

/** Stores an occurrence, because no schedule is due in this test. */
const addOccurrence = (dbPath: string): void => {
  using db = new Database(dbPath);
  db.run("PRAGMA busy_timeout = 5000");
  db.run(
    "INSERT INTO occurrences (job_id, scheduled_for, outcome, reason, decided_at) VALUES ('old', 1, 'missed', 'down', 1)",
  );
};

const at = async (nth: number): Promise<"old" | "new"> => {
  const dir = mkdtempSync(join(tmpdir(), "petit-renamed-"));
  const go = join(dir, "go");
  writeFileSync(go, "");
  const args = ["--no-watch"];
  const first = await startPetit({ dir, jobs: { "a.yaml": jobOf("id: old") }, args });
  await runToEnd(first, "old");
  rmSync(go);
  const running = await start(first, "old");
  await post(first, "/api/jobs/old/trigger", {}, { "idempotency-key": "key" });
  addOccurrence(first.dbPath);
  await post(first, "/api/jobs/old/pause");
  writeFileSync(join(first.jobsDir, "a.yaml"), jobOf("id: new\nformerly: old"));
  const fault = await killAtCall(first.pid, CALLS, nth);
  await post(first, "/api/jobs/reload").catch(() => null);
  await first.kill();
  await fault.end();
  const [owner, ...others] = ownersOf(first.dbPath);
  expect(others).toEqual([]);
  await using second = await startPetit({ dir, args });
  expect((await ask(second, "/api/jobs/old/runs")).body.runs).toMatchObject(Array(3).fill({ job_id: "new" }));
  expect((await ask(second, "/api/jobs/new")).body).toMatchObject({
    ...{ running: 2, paused: true, formerly: ["old"] },
  });
  expect((await ask(second, "/api/jobs/new/occurrences")).body.occurrences).toMatchObject([{ scheduled_for: 1 }]);
  expect((await post(second, "/api/jobs/new/trigger", {}, { "idempotency-key": "key" })).body.job_id).toBe("new");
  writeFileSync(go, "");
  expect(await endOf(second, running)).toMatchObject({ status: "completed", log: "done\n" });
  expect(await second.stop()).toBe(0);
  expect(ownersOf(second.dbPath)).toEqual(["new"]);
  expect(taskProcesses(second.dbPath)).toEqual([]);
  rmSync(dir, { recursive: true, force: true });
  return owner === "new" ? "new" : "old";
};

test.skipIf(!canInject)(
  `all of the history of a renamed job has one id, at whichever of ${POINTS} instants petit is killed, and carries over`,
  async () => {
    const found = new Set<string>();
    for (let point = 0; point < POINTS; point++) found.add(await at(1 + Math.floor((point * ALL_POINTS) / POINTS)));
    // The first instants are before the commit, and the last ones after it.
    expect(found).toEqual(new Set(["old", "new"]));
  },
  60_000 * POINTS,
);
