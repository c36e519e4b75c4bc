import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { openRuntime } from "#runtime";
import { digestOf } from "../../src/jobfile/read/job-dir.ts";
import { canInject, killAtCall, smallDisk } from "../support/engine/faults.ts";
import { ask } from "../support/petit/api.ts";
import { type Petit, petitCommand, startPetit } from "../support/petit/petit.ts";
import { tempDir } from "../support/temp-dir.ts";

const isRoot = process.getuid?.() === 0;

/** Runs as root without the capabilities to access other users' files, and to give files to them. */
const BARRED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-chown,-fowner"];
const [setpriv = "", ...bounds] = BARRED;
const canBar = isRoot && spawnSync(setpriv, [...bounds, "true"]).status === 0;

/** Calls of petit's main thread during a save, before and after the file is replaced (`rename`). */
const STEPS = [
  ["openat", 4],
  ["openat", 8],
  ["write", 1],
  ["write", 2],
  ["write", 3],
  ["rename", 1],
  ["openat", 11],
  ["pwrite64", 1],
  ["pwrite64", 8],
  ["pwrite64", 16],
  ["fsync", 1],
  ["fsync", 2],
] as const;

/** A job file of about 300 KB, which takes several writes; its last line shows whether it is whole. */
const text = (number: number): string =>
  `id: a\ndescription: "${number}"\ntasks: [{id: t, type: command, command: 'true'}]\n${`# ${"x".repeat(97)}\n`.repeat(3_000)}# end of ${number}\n`;

const isWhole = (content: string): boolean => {
  const [, number] = /^description: "(\d+)"$/m.exec(content) ?? [];
  return number !== undefined && content === text(Number(number));
};

const save = (petit: Pick<Petit, "fetch">, path: string, next: string, base: string | null) =>
  ask(petit, `/api/job-files/${path}`, {
    method: "PUT",
    body: JSON.stringify({ text: next, base: base === null ? null : digestOf(Buffer.from(base)) }),
  });

const read = (petit: Pick<Petit, "jobsDir">, path = "a.yaml"): string =>
  readFileSync(join(petit.jobsDir, path), "utf8");

const hidden = (dir: string): readonly string[] => readdirSync(dir).filter((name) => name.startsWith("."));

describe("an edited job file", () => {
  test("is never seen half-written by a reader, and its jobs are in use after each save", async () => {
    await using petit = await startPetit({ jobs: { "a.yaml": text(0) }, args: ["--edit"] });
    let isDone = false;
    const saves = (async () => {
      for (let number = 1; number <= 25; number++) {
        expect(await save(petit, "a.yaml", text(number), text(number - 1))).toMatchObject({ status: 200 });
        expect((await ask(petit, "/api/jobs/a")).body.description).toBe(String(number));
      }
      isDone = true;
    })();
    let count = 0;
    while (!isDone) {
      if (!isWhole(read(petit))) throw new Error(`the file is not whole: ${read(petit).slice(0, 100)}`);
      count++;
      await Promise.race([saves, setImmediate()]);
    }
    await saves;
    expect(count).toBeGreaterThan(25);
    // With the watch, too, each version is the edit of a person.
    const { versions } = (await ask(petit, "/api/jobs/a/versions")).body;
    const causes = versions.flatMap(({ uses }: { uses: { cause: string }[] }) => uses.map(({ cause }) => cause));
    expect(causes).toEqual([...Array(25).fill("edit"), "start"]);
    expect(hidden(petit.jobsDir)).toEqual([]);
  });

  // strace follows petit alone.
  test.skipIf(!canInject || process.env.PETIT_TEST_TARGET !== "executable")(
    "is the old or the new one after a kill -9 at any step of a save, and the next start removes what is left",
    async () => {
      using dir = tempDir();
      const jobsDir = dir.file("jobs");
      mkdirSync(jobsDir);
      writeFileSync(join(jobsDir, "a.yaml"), text(0));
      const seen = new Set<string>();
      for (const [index, [call, nth]] of STEPS.entries()) {
        const before = read({ jobsDir });
        const next = text(index + 1);
        const petit = await startPetit({ dir: dir.path, jobsDir, args: ["--edit", "--no-watch"] });
        try {
          expect(hidden(jobsDir)).toEqual([]);
          const fault = await killAtCall(petit.pid, call, nth);
          const answer = await save(petit, "a.yaml", next, before).catch(() => null);
          await petit.kill();
          await fault.end();
          const after = read({ jobsDir });
          expect(isWhole(after)).toBe(true);
          if (answer?.status === 200) expect(after).toBe(next);
          expect(readdirSync(jobsDir).filter((name) => !/^\.petit-edit-[0-9a-f]{16}$/.test(name))).toEqual(["a.yaml"]);
          seen.add(`${answer === null ? "killed" : "saved"}, ${after === before ? "old" : "new"}`);
        } finally {
          await petit.kill();
        }
      }
      // A crash fell before and after the moment that counts.
      expect([...seen]).toEqual(expect.arrayContaining(["killed, old", "killed, new"]));
      await using petit = await startPetit({ dir: dir.path, jobsDir, args: ["--edit"] });
      expect(hidden(jobsDir)).toEqual([]);
      expect((await ask(petit, "/api/health")).body.status).toBe("ok");
      // Also who saved it is known, wherever the crash fell.
      const { versions } = (await ask(petit, "/api/jobs/a/versions")).body;
      const uses = versions.flatMap((version: { uses: readonly { cause: string; by: string | null }[] }) =>
        version.uses.map(({ cause, by }) => [cause, by]),
      );
      expect(uses).toEqual([...Array(uses.length - 1).fill(["edit", "127.0.0.1"]), ["start", null]]);
      expect(uses.length).toBeGreaterThan(1);
    },
  );

  test("that petit had saved when it was killed is the edit of the same person in the audit log of the next start", async () => {
    using dir = tempDir();
    const jobsDir = dir.file("jobs");
    mkdirSync(jobsDir);
    const job = (id: string) => text(0).replace("id: a", `id: ${id}`);
    writeFileSync(join(jobsDir, "a.yaml"), `${text(0)}---\n${job("b")}`);
    await (await startPetit({ dir: dir.path, jobsDir })).stop();
    // As a save leaves it: the file has its name, and its jobs are not in use yet.
    const lose = (content: string): void => {
      const db = openRuntime().openDatabase(dir.file("petit.db"));
      db.prepare(
        "INSERT INTO job_file_edits (folder, file, digest, by) VALUES ($folder, 'a.yaml', $digest, 'alice')",
      ).run({ folder: jobsDir, digest: digestOf(Buffer.from(content)) });
      db.close();
      writeFileSync(join(jobsDir, "a.yaml"), content);
    };
    const newest = async () => {
      const petit = await startPetit({ dir: dir.path, jobsDir });
      const { entries } = (await ask(petit, "/api/audit?action=jobs.change&limit=1")).body;
      await petit.stop();
      return entries[0];
    };
    lose(`${text(1)}---\n${job("b")}`);
    expect(await newest()).toMatchObject({ who: "alice", how: "start", details: { changed: ["a"], removed: [] } });
    lose(text(1));
    expect(await newest()).toMatchObject({ who: "alice", how: "start", details: { changed: [], removed: ["b"] } });
  });

  test("that somebody else has changed while petit was away is not taken for the edit that was lost", async () => {
    using dir = tempDir();
    const jobsDir = dir.file("jobs");
    mkdirSync(jobsDir);
    writeFileSync(join(jobsDir, "a.yaml"), text(0));
    const uses = async (petit: Petit) => {
      const { versions } = (await ask(petit, "/api/jobs/a/versions")).body;
      return versions.map((version: { uses: readonly { cause: string; by: string | null }[] }) =>
        version.uses.map(({ cause, by }) => [cause, by]),
      );
    };
    const lose = (content: string): void => {
      const db = openRuntime().openDatabase(dir.file("petit.db"));
      db.prepare(
        "INSERT INTO job_file_edits (folder, file, digest, by) VALUES ($folder, 'a.yaml', $digest, 'alice')",
      ).run({ folder: jobsDir, digest: digestOf(Buffer.from(content)) });
      db.close();
    };
    await (await startPetit({ dir: dir.path, jobsDir })).stop();
    lose(text(1));
    writeFileSync(join(jobsDir, "a.yaml"), text(2));
    const second = await startPetit({ dir: dir.path, jobsDir });
    expect(await uses(second)).toEqual([[["start", null]], [["start", null]]]);
    await second.stop();
    // The start has forgotten it.
    writeFileSync(join(jobsDir, "a.yaml"), text(1));
    const third = await startPetit({ dir: dir.path, jobsDir });
    expect((await uses(third))[0]).toEqual([["start", null]]);
    await third.stop();
  });

  test.skipIf(!isRoot)("stays as it is while the disk is full, and can be saved when it is not", async () => {
    using dir = tempDir();
    const jobsDir = dir.path;
    using disk = smallDisk(jobsDir, 2_000_000);
    writeFileSync(join(jobsDir, "a.yaml"), text(0));
    await using petit = await startPetit({ jobsDir, args: ["--edit"] });
    disk.fill();
    for (const [path, base] of [
      ["a.yaml", text(0)],
      ["b.yaml", null],
    ] as const)
      expect(
        await save(petit, path, text(1).replace("id: a", path === "a.yaml" ? "id: a" : "id: b"), base),
      ).toMatchObject({
        status: 409,
        body: {
          error: `'${path}' can't be written: no space left on device (ENOSPC). The file is as it was`,
          details: { reason: "file_not_writable", path, system_code: "ENOSPC" },
        },
      });
    expect(read(petit)).toBe(text(0));
    expect(readdirSync(jobsDir).sort()).toEqual(["a.yaml", "filler"]);
    disk.free();
    expect(await save(petit, "a.yaml", text(1), text(0))).toMatchObject({ status: 200 });
  });

  test.skipIf(!isRoot)("can't be saved in a read-only file system, and the answer says so", async () => {
    using dir = tempDir();
    const jobsDir = dir.path;
    using _ = smallDisk(jobsDir, 2_000_000);
    writeFileSync(join(jobsDir, "a.yaml"), text(0));
    expect(spawnSync("mount", ["-o", "remount,ro", jobsDir]).status).toBe(0);
    await using petit = await startPetit({ jobsDir, args: ["--edit"] });
    for (const [path, next, base] of [
      ["a.yaml", text(1), text(0)],
      ["b.yaml", text(1).replace("id: a", "id: b"), null],
    ] as const)
      expect(await save(petit, path, next, base)).toMatchObject({
        status: 409,
        body: { details: { reason: "file_not_writable", problem: "read-only file system (EROFS)" } },
      });
    expect(read(petit)).toBe(text(0));
  });

  test.skipIf(!isRoot)("keeps its owner and mode", async () => {
    await using petit = await startPetit({ jobs: { "a.yaml": text(0) }, args: ["--edit"] });
    const path = join(petit.jobsDir, "a.yaml");
    chownSync(path, 12_345, 23_456);
    chmodSync(path, 0o664);
    expect(await save(petit, "a.yaml", text(1), text(0))).toMatchObject({ status: 200 });
    const { uid, gid, mode } = statSync(path);
    expect([uid, gid, mode & 0o7777]).toEqual([12_345, 23_456, 0o664]);
  });

  test.skipIf(!canBar)("that petit may not write, or whose owner it can't keep, stays as it is", async () => {
    await using petit = await startPetit({
      command: [...BARRED, ...petitCommand()],
      jobs: { "a.yaml": text(0), "b.yaml": text(0).replace("id: a", "id: b") },
      args: ["--edit"],
    });
    chmodSync(petit.jobsDir, 0o777);
    for (const [name, mode] of [
      ["a.yaml", 0o644],
      ["b.yaml", 0o666],
    ] as const) {
      chownSync(join(petit.jobsDir, name), 12_345, 23_456);
      chmodSync(join(petit.jobsDir, name), mode);
    }
    expect(await save(petit, "a.yaml", text(1), text(0))).toMatchObject({
      status: 409,
      body: { details: { reason: "file_not_writable", problem: "permission denied (EACCES)" } },
    });
    const b = text(0).replace("id: a", "id: b");
    mkdirSync(join(petit.jobsDir, "closed"));
    chownSync(join(petit.jobsDir, "closed"), 12_345, 23_456);
    chmodSync(join(petit.jobsDir, "closed"), 0o700);
    expect(await ask(petit, "/api/job-files/closed/a.yaml")).toMatchObject({
      status: 409,
      body: { error: "'closed/a.yaml' can't be read: permission denied (EACCES)" },
    });
    expect(await save(petit, "b.yaml", b.replace("0", "1"), b)).toMatchObject({
      status: 409,
      body: {
        details: {
          problem: "it belongs to user 12345 and group 23456, which petit can't give to a file",
          system_code: "EPERM",
        },
      },
    });
    expect([read(petit), read(petit, "b.yaml")]).toEqual([text(0), b]);
    expect(hidden(petit.jobsDir)).toEqual([]);
  });

  test("can be reached through a link to JOBS_DIR itself", async () => {
    using dir = tempDir();
    mkdirSync(dir.file("real"));
    writeFileSync(dir.file("real/a.yaml"), text(0));
    symlinkSync("real", dir.file("jobs"));
    await using petit = await startPetit({ dir: dir.path, jobsDir: dir.file("jobs"), args: ["--edit"] });
    expect(await save(petit, "a.yaml", text(1), text(0))).toMatchObject({ status: 200 });
    expect(readFileSync(dir.file("real/a.yaml"), "utf8")).toBe(text(1));
  });

  test("is found to have changed if another program writes it while it is saved", async () => {
    await using petit = await startPetit({ jobs: { "a.yaml": text(0) }, args: ["--edit"] });
    let [saved, refused] = [0, 0];
    for (let number = 1; number <= 30; number++) {
      const base = read(petit);
      const saving = save(petit, "a.yaml", text(number), base);
      for (let turn = 0; turn < number; turn++) await setImmediate();
      const isFirst = read(petit) === base;
      if (isFirst) writeFileSync(join(petit.jobsDir, "a.yaml"), text(1_000 + number));
      const { status } = await saving;
      if (status === 409) {
        refused++;
        expect(read(petit)).toBe(text(1_000 + number));
      } else saved++;
    }
    expect(saved + refused).toBe(30);
    expect(refused).toBeGreaterThan(0);
  });
});
