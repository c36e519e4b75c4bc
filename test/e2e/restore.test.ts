import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { readStatus, spoolOf } from "../../src/engine/output/spool.ts";
import { petit, type TempFolder, tempFolder } from "../support/cli.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";

/** `long` runs until there is a file `end` beside the database. All of them write when they begin and end. */
const JOBS = `id: tick
schedule: {cron: "* * * * * *", catchup: all}
tasks: [{id: t, type: shell, script: 'echo "$PETIT_SCHEDULED_FOR" >> "$DRILL/ticks"'}]
---
id: long
max_concurrency: 1
on_interrupt: rerun
tasks:
  - id: t
    type: shell
    script: |
      echo begin >> "$DRILL/long"
      while [ -d "$DRILL" ] && [ ! -e "$DRILL/end" ]; do sleep 0.05; done
      echo end >> "$DRILL/long"
---
id: other
max_concurrency: 1
tasks: [{id: t, type: shell, script: 'echo begin >> "$DRILL/other"; while [ -d "$DRILL" ] && [ ! -e "$DRILL/end" ]; do sleep 0.05; done'}]
---
id: keeps
tasks: [{id: t, type: shell, script: 'echo kept > "$PETIT_ARTIFACTS/a.txt"', artifacts: ["a.txt"]}]
`;

/** The id of another user. */
const OTHER = 65_534;

const until = async (check: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await check())) await setTimeout(20);
};

const linesOf = (file: string): readonly string[] =>
  existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];

const rows = (file: string, sql: string): readonly (readonly unknown[])[] => {
  const db = new Database(file, { readonly: true });
  try {
    return db.query(sql).values();
  } finally {
    db.close();
  }
};

/** A folder of a petit, which is started and stopped. Disposing ends what runs. */
const drill = () => {
  const folder: TempFolder = tempFolder();
  folder.write("jobs/a.yaml", JOBS);
  const file = (name: string): string => join(folder.path, name);
  return {
    file,
    start: () =>
      startPetit({
        dir: folder.path,
        jobsDir: file("jobs"),
        args: ["--on-shutdown", "leave", "--no-watch"],
        env: { DRILL: folder.path },
      }),
    command: (...args: readonly string[]) => petit(["--db", file("petit.db"), ...args], { cwd: folder.path }),
    end: () => appendFileSync(file("end"), ""),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
};

const trigger = async (running: Petit, job: string, query = ""): Promise<string> => {
  const response = await running.fetch(`/api/jobs/${job}/trigger${query}`, { method: "POST" });
  expect(response.status).toBe(200);
  return (await response.json()).run_id;
};

const statusOf = async (running: Petit, run: string): Promise<string> =>
  (await (await running.fetch(`/api/runs/${run}`)).json()).status;

const lostProcesses = async (running: Petit) =>
  (await (await running.fetch("/api/attention")).json()).items.filter(
    ({ kind }: { kind: string }) => kind === "lost_processes",
  );

describe("a restore", () => {
  test("starts nothing again that ended after the copy was made, also if petit was killed then", async () => {
    using at = drill();
    const running = await at.start();
    const run = await trigger(running, "other");
    await until(() => linesOf(at.file("other")).length === 1);
    expect(await at.command("backup", "copy.db")).toMatchObject({ status: 0 });
    at.end();
    await until(async () => (await statusOf(running, run)) === "completed");
    await running.kill();
    expect(await at.command("restore", "copy.db")).toMatchObject({ status: 0 });
    await using restored = await at.start();
    await until(async () => (await statusOf(restored, run)) === "interrupted");
    expect(linesOf(at.file("other"))).toEqual(["begin"]);
  }, 60_000);

  test.each(["petit restore", "cp"])(
    "by %s fires nothing twice, and runs nothing beside itself",
    async (how) => {
      using at = drill();
      let running = await at.start();
      const kept = await trigger(running, "keeps", "?wait=20");
      // It runs when the copy is made, ends since, and its successor outlives petit.
      const first = await trigger(running, "long");
      await until(() => linesOf(at.file("long")).length === 1);
      expect(await at.command("backup", "copy.db")).toMatchObject({ status: 0 });
      cpSync(at.file("petit.db-artifacts"), at.file("copy.db-artifacts"), { recursive: true });
      at.end();
      await until(async () => (await statusOf(running, first)) === "completed");
      rmSync(at.file("end"));
      const second = await trigger(running, "long");
      const other = await trigger(running, "other");
      const lostArtifact = await trigger(running, "keeps", "?wait=20");
      await until(() => linesOf(at.file("long")).length === 3);
      const before = linesOf(at.file("ticks")).length;
      await until(() => linesOf(at.file("ticks")).length >= before + 2);
      if (how === "petit restore")
        expect(await at.command("restore", "copy.db")).toMatchObject({
          status: 4,
          stderr: expect.stringContaining("is in use by"),
        });
      await running.stop();

      if (how === "petit restore") {
        const files = readdirSync(at.file("."));
        const dry = await at.command("restore", "copy.db", "--dry-run");
        expect(dry.status).toBe(0);
        expect(dry.stderr).toContain("would restore");
        expect(readdirSync(at.file("."))).toEqual(files);
        const done = await at.command("restore", "copy.db");
        expect(done.status).toBe(0);
        for (const run of [second, other]) {
          expect(dry.stderr).toContain(`run ${run}`);
          expect(done.stderr).toContain(`run ${run}`);
        }
        expect(done.stderr).toMatch(/^\d+ runs that the copy does not have are lost$/m);
        expect(done.stderr).toContain("petit doctor --end-strays");
        expect(statSync(at.file("petit.db")).mode & 0o777).toBe(0o600);
        const aside = readdirSync(at.file(".")).find((name) => /before-restore-[\dT-]+$/.test(name)) ?? "";
        expect(rows(at.file(aside), `SELECT status FROM runs WHERE id = '${second}'`)).toEqual([["running"]]);
        expect(readdirSync(at.file(`${aside}-artifacts`)).length).toBeGreaterThan(
          readdirSync(at.file("petit.db-artifacts")).length,
        );
      } else {
        copyFileSync(at.file("copy.db"), at.file("petit.db"));
        rmSync(at.file("petit.db-wal"), { force: true });
      }
      const doctor = await at.command("doctor", "jobs");
      expect(doctor.stdout).toContain(`run ${second} of job 'long'`);
      expect(doctor.stdout).toContain(`run ${other} of job 'other'`);

      await using restored = await at.start();
      running = restored;
      expect(running.stderr()).toContain("petit doctor --end-strays");
      const [lost] = await lostProcesses(running);
      expect(lost).toMatchObject({ severity: "warning", count: 2, job_id: null });
      expect(lost.processes).toEqual([
        { pid: expect.any(Number), job_id: "long", run_id: second },
        { pid: expect.any(Number), job_id: "other", run_id: other },
      ]);
      expect(lost.message).toBe(
        `process ${lost.processes[0].pid} of job 'long' and 1 more still run, but the restored database does not know their runs; wait for the end, or end what runs with 'petit doctor --end-strays --db FILE'`,
      );
      expect((await at.command("status", "--url", running.url)).stdout).toContain("2 lost");
      expect((await running.fetch(`/api/runs/${lostArtifact}`)).status).toBe(404);
      expect(await (await running.fetch(`/api/runs/${kept}/artifacts/t/a.txt`)).text()).toBe("kept\n");
      // The occurrences since the copy are missed, and no time fired twice.
      const later = linesOf(at.file("ticks")).length;
      await until(() => linesOf(at.file("ticks")).length > later);
      const ticks = linesOf(at.file("ticks"));
      expect(new Set(ticks).size).toBe(ticks.length);
      expect(
        rows(at.file("petit.db"), "SELECT count(*) FROM occurrences WHERE reason = 'restored'")[0]?.[0],
      ).toBeGreaterThan(1);
      // On a busy machine, a second before the copy or after the start can be caught up.
      const restoredTimes = "FROM occurrences WHERE reason = 'restored'";
      expect(
        rows(
          at.file("petit.db"),
          `SELECT count(*) FROM runs WHERE "trigger" = 'catchup' AND scheduled_for BETWEEN
             (SELECT min(scheduled_for) ${restoredTimes}) AND (SELECT max(scheduled_for) ${restoredTimes})`,
        ),
      ).toEqual([[0]]);
      // What still runs keeps its place, and what is to run again waits for it.
      const refused = await running.fetch("/api/jobs/other/trigger", { method: "POST" });
      expect(refused.status).toBe(429);
      expect(await statusOf(running, first)).toBe("running");
      expect(linesOf(at.file("long"))).toEqual(["begin", "end", "begin"]);

      const ended = await at.command("doctor", "jobs", "--end-strays");
      for (const run of [second, other]) expect(ended.stderr).toContain(`run ${run}`);
      expect(ended.stdout).not.toContain(second);
      await until(async () => (await lostProcesses(running)).length === 0);
      // The run that the copy knew is repeated now.
      await until(() => linesOf(at.file("long")).length === 4);
      at.end();
      await until(async () => (await statusOf(running, first)) === "completed");
      expect(linesOf(at.file("long"))).toEqual(["begin", "end", "begin", "begin", "end"]);
      const again = await trigger(running, "other", "?wait=20");
      expect([second, other, lostArtifact]).not.toContain(again);
    },
    120_000,
  );

  test("catches up if that is asked for", async () => {
    using at = drill();
    const running = await at.start();
    await until(() => linesOf(at.file("ticks")).length >= 1);
    expect(await at.command("backup", "copy.db")).toMatchObject({ status: 0 });
    const before = linesOf(at.file("ticks")).length;
    await until(() => linesOf(at.file("ticks")).length >= before + 2);
    await running.stop();
    expect(await at.command("restore", "copy.db", "--catch-up")).toMatchObject({ status: 0 });
    await using restored = await at.start();
    await until(() => {
      const ticks = linesOf(at.file("ticks"));
      return new Set(ticks).size < ticks.length;
    });
    expect(rows(restored.dbPath, "SELECT count(*) FROM occurrences WHERE reason = 'restored'")).toEqual([[0]]);
  }, 60_000);

  test("takes the place of a database of a newer schema, as a downgrade needs it", async () => {
    using place = drill();
    const first = await place.start();
    await trigger(first, "keeps", "?wait=20");
    await first.stop();
    expect((await place.command("backup", place.file("before.db"))).status).toBe(0);
    const newer = new Database(place.file("petit.db"));
    newer.run("PRAGMA user_version = 99");
    newer.close();
    expect((await place.command("run", place.file("jobs"), "--api-port", "0")).status).toBe(2);
    const { status, stderr } = await place.command("restore", place.file("before.db"));
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining("kept the old database as") });
    await using again = await place.start();
    expect((await (await again.fetch("/api/jobs/keeps/runs")).json()).count).toBe(1);
  }, 60_000);

  test.if(process.getuid?.() === 0)(
    "takes no process of another user for one of a lost run",
    async () => {
      using at = drill();
      const running = await at.start();
      expect(await at.command("backup", "copy.db")).toMatchObject({ status: 0 });
      const run = await trigger(running, "other");
      const attempt = (): unknown => rows(at.file("petit.db"), "SELECT max(id) FROM attempts")[0]?.[0];
      await until(() => attempt() !== null);
      const spool = spoolOf(at.file("petit.db-spool"), Number(attempt()));
      await until(() => readStatus(spool).pid !== null);
      await running.stop();
      // It has the arguments and variables of an attempt.
      const fake = Bun.spawn(
        ["setpriv", `--reuid=${OTHER}`, "--clear-groups", "setsid", "sh", "-c", "sleep 600; :", "sh", spool.status],
        {
          env: {
            PATH: process.env.PATH ?? "",
            PETIT_OUTPUT: spool.outputs,
            PETIT_JOB_ID: "long",
            PETIT_RUN_ID: run,
          },
        },
      );
      try {
        const done = await at.command("restore", "copy.db");
        expect(done.stderr.match(/^still running: .*$/gm)).toEqual([
          expect.stringContaining(`run ${run} of job 'other'`),
        ]);
        await using restored = await at.start();
        const [lost] = await lostProcesses(restored);
        expect(lost.processes).toMatchObject([{ job_id: "other" }]);
        // It takes no place of the job that it names.
        await trigger(restored, "long");
        expect((await at.command("doctor", "jobs", "--end-strays")).stderr).toContain(`run ${run}`);
        expect(fake.exitCode).toBeNull();
        await until(async () => (await lostProcesses(restored)).length === 0);
        at.end();
      } finally {
        fake.kill("SIGKILL");
        Bun.spawnSync(["sh", "-c", `kill -9 -${fake.pid} $(ps -o pid= --ppid ${fake.pid}) 2> /dev/null`]);
      }
    },
    60_000,
  );

  test.if(process.getuid?.() === 0)("refuses a copy that another user made or can replace", async () => {
    using at = drill();
    const running = await at.start();
    await running.stop();
    expect(await at.command("backup", "copy.db")).toMatchObject({ status: 0 });
    const before = readFileSync(at.file("petit.db"));
    const refused = async (name: string, why: string): Promise<void> => {
      expect(await at.command("restore", name)).toMatchObject({ status: 2, stderr: expect.stringContaining(why) });
      expect(readFileSync(at.file("petit.db")).equals(before)).toBe(true);
    };
    chownSync(at.file("copy.db"), OTHER, OTHER);
    await refused("copy.db", `copy.db belongs to user ${OTHER}, who could decide what petit runs`);
    // The user of the database decides that anyway.
    chownSync(at.file("petit.db"), OTHER, OTHER);
    expect(await at.command("restore", "copy.db", "--dry-run")).toMatchObject({ status: 0 });
    for (const name of ["petit.db", "copy.db"]) chownSync(at.file(name), 0, 0);
    symlinkSync(at.file("copy.db"), at.file("link.db"));
    lchownSync(at.file("link.db"), OTHER, OTHER);
    await refused("link.db", `link.db belongs to user ${OTHER}`);
    chmodSync(at.file("copy.db"), 0o666);
    await refused("copy.db", "every user can write to");
    chmodSync(at.file("copy.db"), 0o600);
    mkdirSync(at.file("open"));
    copyFileSync(at.file("copy.db"), at.file("open/copy.db"));
    chmodSync(at.file("open"), 0o777);
    await refused("open/copy.db", "every user can write to");
    chmodSync(at.file("open"), 0o1777);
    expect(await at.command("restore", "open/copy.db", "--dry-run")).toMatchObject({ status: 0 });
    // Nor does it write through a link that somebody else has put beside the database.
    rmSync(at.file("petit.db-lock"), { force: true });
    symlinkSync(at.file("victim"), at.file("petit.db-lock"));
    lchownSync(at.file("petit.db-lock"), OTHER, OTHER);
    await refused("copy.db", `petit.db-lock belongs to user ${OTHER}`);
    expect(existsSync(at.file("victim"))).toBe(false);
  });

  test("refuses what is not a whole copy, and changes nothing", async () => {
    using at = drill();
    const running = await at.start();
    await running.stop();
    expect(await at.command("backup", "copy.db")).toMatchObject({ status: 0 });
    appendFileSync(at.file("text"), "text");
    const damaged = readFileSync(at.file("copy.db"));
    damaged.fill(0xff, 8_192, 12_288);
    await Bun.write(at.file("damaged.db"), damaged);
    const before = readFileSync(at.file("petit.db"));
    for (const name of ["none.db", "text", "damaged.db", "jobs", "petit.db"])
      expect({ name, status: (await at.command("restore", name)).status }).toEqual({ name, status: 2 });
    expect(readFileSync(at.file("petit.db")).equals(before)).toBe(true);
    expect(readdirSync(at.file(".")).filter((name) => name.includes("before-restore"))).toEqual([]);
  });
});
