import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { linkSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, post, runToEnd, start } from "../support/petit/api.ts";
import { type Petit, petitCommand, startPetit } from "../support/petit/petit.ts";
import { endOf, eventually } from "../support/torture/run.ts";

const QUICK = "id: quick\ntasks: [{id: t, type: command, command: echo, args: [hi]}]\n";

const printer = (id: string): string => `id: ${id}
tasks:
  - {id: t, type: shell, script: "for i in $(seq 1 200); do echo line $i; sleep 0.02; done"}
`;

/** How long another program locks the database, in ms. */
const LOCK_MS = Number(process.env.PETIT_LOCK_MS ?? 3_500);

test(`a lock of ${LOCK_MS / 1000} s delays no read and no timeout, and loses nothing`, async () => {
  const printers = ["p1", "p2", "p3", "p4"];
  const jobs = {
    "quick.yaml": QUICK,
    "slow.yaml": "id: slow\ntasks: [{id: t, type: command, command: sleep, args: ['60'], timeout: 1s}]\n",
    ...Object.fromEntries(printers.map((id) => [`${id}.yaml`, printer(id)])),
  };
  await using petit = await startPetit({ jobs });
  const runs = await Promise.all(printers.map((id) => start(petit, id)));
  const slow = await start(petit, "slow");
  await eventually("all have begun", async () =>
    (await logOf(petit, runs[3] ?? "")).includes("line 1\n") ? true : null,
  );

  using other = new Database(petit.dbPath);
  other.run("BEGIN EXCLUSIVE");
  const lockedAt = performance.now();
  const triggered = post(petit, "/api/jobs/quick/trigger");
  writeFileSync(join(petit.jobsDir, "added.yaml"), QUICK.replace("quick", "added"));
  const took: number[] = [];
  while (performance.now() - lockedAt < LOCK_MS) {
    for (const path of ["/api/jobs", "/api/health", `/api/runs/${runs[0]}/logs?tail=5`]) {
      const since = performance.now();
      await (await petit.fetch(path)).arrayBuffer();
      took.push(performance.now() - since);
    }
    await Bun.sleep(20);
  }
  other.run("ROLLBACK");
  took.sort((a, b) => a - b);
  // On a busy machine, single requests may take longer. A request that waited for the lock would take seconds.
  expect(took[Math.floor(took.length * 0.5)]).toBeLessThan(100);
  expect(took[Math.floor(took.length * 0.9)]).toBeLessThan(500);

  if (LOCK_MS < 4_500) expect((await triggered).status).toBe(200);
  else expect(await triggered).toMatchObject({ status: 503, body: { code: "SERVICE_UNAVAILABLE" } });
  expect(await endOf(petit, slow)).toMatchObject({ status: "failed" });
  const lines = Array.from({ length: 200 }, (_, index) => `line ${index + 1}\n`).join("");
  for (const id of runs) expect(await endOf(petit, id)).toMatchObject({ status: "completed", log: lines });
  await eventually("the added job", async () => ((await petit.fetch("/api/jobs/added")).status === 200 ? true : null));
  expect((await ask(petit, "/api/health")).body).toMatchObject({ status: "ok" });
  expect(await petit.stop()).toBe(0);
}, 120_000);

test("a job file that somebody saves while the database is locked is saved, and in use as their edit after that", async () => {
  await using petit = await startPetit({ args: ["--edit"] });
  using other = new Database(petit.dbPath);
  other.run("BEGIN EXCLUSIVE");
  const answer = await ask(petit, "/api/job-files/quick.yaml", {
    method: "PUT",
    body: JSON.stringify({ text: QUICK, base: null }),
  });
  other.run("ROLLBACK");
  expect(answer).toMatchObject({ status: 503, body: { code: "SERVICE_UNAVAILABLE" } });
  expect(answer.body.error).toStartWith("the file is saved; the job files will be reloaded when the database can be");
  await eventually("the job is in use", async () => ((await petit.fetch("/api/jobs/quick")).ok ? true : null));
  const { versions } = (await ask(petit, "/api/jobs/quick/versions")).body;
  expect(versions[0].uses).toMatchObject([{ cause: "edit", by: "127.0.0.1" }]);
}, 60_000);

const logOf = async (petit: Petit, runId: string): Promise<string> =>
  await (await petit.fetch(`/api/runs/${runId}/logs`)).text();

/** Replaces the database of a petit with a copy. */
const replace = async (petit: Petit): Promise<void> => {
  const copy = join(petit.dir, "copy.db");
  const [program = "", ...before] = petitCommand();
  const backup = Bun.spawn([program, ...before, "backup", copy, "--db", petit.dbPath], { stdout: "ignore" });
  expect(await backup.exited).toBe(0);
  renameSync(copy, petit.dbPath);
};

const expectRefusal = async (petit: Petit): Promise<void> => {
  const refusal = await post(petit, "/api/jobs/quick/trigger");
  expect(refusal).toMatchObject({ status: 503, body: { code: "SERVICE_UNAVAILABLE" } });
  expect(refusal.body.error).toContain("was replaced by another file; restart petit to use that one");
  const health = await ask(petit, "/api/health");
  expect(health).toMatchObject({
    status: 503,
    body: { status: "unavailable", reasons: [refusal.body.details.storage] },
  });
};

test("petit accepts no run after its database was replaced, and the next start uses the new file", async () => {
  await using first = await startPetit({ jobs: { "quick.yaml": QUICK } });
  const before = (await runToEnd(first, "quick")).id;
  await replace(first);
  await expectRefusal(first);
  expect(await first.stop()).toBe(0);
  await using second = await startPetit({ dir: first.dir });
  expect(await endOf(second, before)).toMatchObject({ status: "completed", log: "hi\n" });
  expect((await runToEnd(second, "quick")).status).toBe("completed");
  expect(await second.stop()).toBe(0);
});

test("a database that was replaced before petit was killed is used by the next start, without the old file's log", async () => {
  await using first = await startPetit({ jobs: { "quick.yaml": QUICK } });
  for (let run = 0; run < 20; run++) await runToEnd(first, "quick");
  const original = join(first.dir, "original.db");
  linkSync(first.dbPath, original);
  await replace(first);
  await expectRefusal(first);
  await first.kill();
  expect(statSync(`${first.dbPath}-wal`).size).toBe(0);
  await using second = await startPetit({ dir: first.dir });
  expect((await ask(second, "/api/jobs/quick/runs")).body.count).toBe(20);
  expect((await runToEnd(second, "quick")).status).toBe("completed");
  expect(await second.stop()).toBe(0);
  using kept = new Database(original, { readonly: true });
  expect(kept.query("SELECT count(*) AS count FROM runs").get()).toEqual({ count: 20 });
});
