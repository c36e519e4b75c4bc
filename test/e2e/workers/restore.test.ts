import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { petit as runPetit } from "../../support/cli.ts";
import { hasNats, startNats } from "../../support/nats/server.ts";
import { ask, runToEnd, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endOf, eventually } from "../../support/torture/run.ts";
import { startWorkerProcess, type WorkerProcess } from "../../support/workers/worker-process.ts";

// A busy machine may need this long.
setDefaultTimeout(120_000);

const KEY = generateSigningKey();

/** A job of a worker that records its begin and its end, and ends when there is a file of its name. */
const held = (id: string, onInterrupt: "fail" | "rerun"): string => `id: ${id}
runs_on: [gpu]
on_interrupt: ${onInterrupt}
tasks:
  - id: t
    type: shell
    script: |
      echo "begin $PETIT_RUN_ID" >> "$HOME/${id}"
      echo "$$" > "$HOME/${id}-pid"
      echo begin
      until [ -e "$HOME/${id}-end" ]; do sleep 0.02; done
      echo "of ${id}" > "$PETIT_ARTIFACTS/a.txt"
      echo end
      echo "end $PETIT_RUN_ID" >> "$HOME/${id}"
    artifacts: ["a.txt"]
`;

/** Both fire every second, here and on the worker. */
const ticks = (id: string, more: string): string => `id: ${id}
schedule: {cron: "* * * * * *", catchup: all}
${more}
tasks: [{id: t, type: shell, script: 'echo "$PETIT_SCHEDULED_FOR" >> "$HOME/${id}"'}]
`;

const JOBS = [
  ticks("near", ""),
  ticks("far", "runs_on: [gpu]"),
  held("known", "fail"),
  held("ended", "fail"),
  held("again", "rerun"),
  held("lost", "fail"),
  held("newest", "fail"),
].join("---\n");

const isAlive = (pid: string): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
};

describe.skipIf(!hasNats("2.15"))("a restore of a petit with workers", () => {
  test.each(["goes on", "is stopped, and its tasks go on", "is killed"])(
    "loses and repeats nothing that it knows if the worker %s",
    async (what) => {
      using dir = tempDir();
      await using nats = await startNats();
      writeFileSync(dir.file("key"), formatSigningKey(KEY), { mode: 0o600 });
      writeFileSync(dir.file("jobs.yaml"), JOBS);
      cpSync(dir.file("jobs.yaml"), dir.file("jobs/jobs.yaml"), { recursive: true });
      const args = ["--nats", nats.url, "--nats-signing-key", dir.file("key"), "--lost-after", "6s"];
      const startScheduler = (): Promise<Petit> =>
        startPetit({
          dir: dir.file("."),
          jobsDir: dir.file("jobs"),
          args: [...args, "--on-shutdown", "leave", "--no-watch"],
          env: { HOME: dir.path },
        });
      const startWorker = (): WorkerProcess =>
        startWorkerProcess({
          dir: dir.path,
          nats: nats.url,
          trust: KEY.publicKey,
          name: "box",
          args: ["--on-shutdown", "leave", "--slots", "8"],
        });
      const command = (...given: readonly string[]) =>
        runPetit(["--db", dir.file("petit.db"), ...given], { cwd: dir.path });
      const linesOf = (name: string): readonly string[] =>
        existsSync(dir.file(name)) ? readFileSync(dir.file(name), "utf8").split("\n").slice(0, -1) : [];
      const lines = (name: string, count: number): Promise<unknown> =>
        eventually(`${name} has ${count} lines`, () => (linesOf(name).length >= count ? true : null));
      const moreTicks = async (): Promise<void> => {
        const before = [linesOf("near").length, linesOf("far").length];
        await lines("near", (before[0] ?? 0) + 2);
        await lines("far", (before[1] ?? 0) + 2);
      };
      const goOn = (id: string): void => appendFileSync(dir.file(`${id}-end`), "");

      let running = await startScheduler();
      let box = startWorker();
      await moreTicks();
      // Before the copy: one has ended, and three run.
      goOn("newest");
      const kept = (await runToEnd(running, "newest")).id;
      const known = await start(running, "known");
      const ended = await start(running, "ended");
      const again = await start(running, "again");
      for (const id of ["known", "ended", "again"]) await lines(id, 1);
      expect(await command("backup", "copy.db")).toMatchObject({ status: 0 });
      cpSync(dir.file("petit.db-artifacts"), dir.file("copy.db-artifacts"), { recursive: true });
      // After it: two of them end, one begins and goes on, one begins and ends, and schedules fire.
      for (const id of ["ended", "again"]) goOn(id);
      expect((await endOf(running, ended)).status).toBe("completed");
      expect((await endOf(running, again)).status).toBe("completed");
      const lost = await start(running, "lost");
      await lines("lost", 1);
      const gone = (await runToEnd(running, "newest")).id;
      await moreTicks();

      if (what === "is stopped, and its tasks go on") box.kill("SIGTERM");
      if (what === "is killed") box.kill("SIGKILL");
      if (what !== "goes on") await box.exited;
      await running.stop();
      const restored = await command("restore", "copy.db");
      expect(restored).toMatchObject({ status: 0, stdout: "" });
      const aside = readdirSync(dir.path).find((name) => /before-restore-[\dT-]+$/.test(name)) ?? "";
      const old = (sql: string): readonly unknown[] => {
        using db = new Database(dir.file(aside), { readonly: true });
        return db.query(sql).values().flat();
      };
      const now = (sql: string): readonly unknown[] => {
        using db = new Database(dir.file("petit.db"), { readonly: true });
        return db.query(sql).values().flat();
      };
      const [knownRuns, knownAttempts] = ["runs", "attempts"].map((table) => new Set(now(`SELECT id FROM ${table}`)));
      running = await startScheduler();
      await using petit = running;
      if (what !== "goes on") box = startWorker();
      await using _ = box;

      // The worker ends what the restored database does not know.
      const lostPid = readFileSync(dir.file("lost-pid"), "utf8").trim();
      await eventually("the worker lets go of the lost run", () => (isAlive(lostPid) ? null : true));
      expect(linesOf("lost")).toEqual([`begin ${lost}`]);
      for (const id of [lost, gone]) expect((await petit.fetch(`/api/runs/${id}`)).status).toBe(404);
      // What ran when the copy was made and still runs goes on. What has ended since is not run again, unless the job says so.
      goOn("known");
      const end = await endOf(petit, known);
      expect({ status: end.status, log: end.log }).toEqual({ status: "completed", log: "begin\nend\n" });
      expect(linesOf("known")).toEqual([`begin ${known}`, `end ${known}`]);
      expect((await endOf(petit, ended)).status).toBe("interrupted");
      expect(linesOf("ended")).toEqual([`begin ${ended}`, `end ${ended}`]);
      expect((await endOf(petit, again)).status).toBe("completed");
      expect(linesOf("again")).toEqual([`begin ${again}`, `end ${again}`, `begin ${again}`, `end ${again}`]);
      for (const [run, text] of [
        [kept, "of newest\n"],
        [known, "of known\n"],
        [again, "of again\n"],
      ] as const)
        expect(await (await petit.fetch(`/api/runs/${run}/artifacts/t/a.txt`)).text()).toBe(text);
      // The schedules go on, and no occurrence fires twice.
      await moreTicks();
      for (const id of ["near", "far"]) {
        const fired = linesOf(id);
        expect(fired.length - new Set(fired).size).toBe(0);
        const { body } = await ask(petit, `/api/jobs/${id}/occurrences?limit=1000`);
        const missed = body.occurrences.filter(({ reason }: { reason: string | null }) => reason === "restored");
        expect(missed.length).toBeGreaterThan(1);
        const why = await command("why", id, "--url", petit.url);
        expect(why.stdout).toContain("restored");
      }
      expect(now(`SELECT count(*) FROM runs WHERE "trigger" = 'catchup'`)).toEqual([0]);
      // No id comes back.
      const oldRuns = new Set(old("SELECT id FROM runs"));
      const newRuns = now("SELECT id FROM runs").filter((id) => !knownRuns?.has(id));
      expect(newRuns.length).toBeGreaterThan(3);
      expect(newRuns.filter((id) => oldRuns.has(id))).toEqual([]);
      const newAttempts = now("SELECT id FROM attempts").filter((id) => !knownAttempts?.has(id));
      expect(Math.min(...newAttempts.map(Number))).toBeGreaterThan(Number(old("SELECT max(id) FROM attempts")[0]));
      // Nothing is left of what the worker had.
      await eventually("the worker has nothing but ticks", () => {
        using db = new Database(dir.file("box/worker.db"), { readonly: true });
        const held = db.query("SELECT offer FROM received").values().flat().join(" ");
        return held.includes(lost) || held.includes(gone) ? null : true;
      });
    },
  );
});
