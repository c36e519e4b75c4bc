import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { listCopies } from "../../../src/store/backup/folder.ts";
import { petit, type TempFolder, tempFolder } from "../../support/cli.ts";
import { post } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: keeps
tasks: [{id: t, type: shell, script: 'mkdir -p "$PETIT_ARTIFACTS/sub"; echo "$PETIT_RUN_ID" > "$PETIT_ARTIFACTS/sub/a.txt"'}]
`;

const NAME = /^petit-[0-9a-f]{12}-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.db$/;

const isRoot = process.getuid?.() === 0;

const query = (file: string, sql: string): readonly (readonly unknown[])[] => {
  const db = new Database(file, { readonly: true });
  try {
    return db.query(sql).values();
  } finally {
    db.close();
  }
};

const change = (file: string, sql: string): void => {
  const db = new Database(file);
  try {
    db.run(sql);
  } finally {
    db.close();
  }
};

/** A folder with a database, jobs and a folder for backups. */
const place = () => {
  const folder: TempFolder = tempFolder();
  folder.write("jobs/a.yaml", JOBS);
  mkdirSync(join(folder.path, "backups"), { mode: 0o700 });
  const file = (name: string): string => join(folder.path, name);
  const command = (...args: readonly string[]) => petit(["--db", file("petit.db"), ...args], { cwd: folder.path });
  return {
    file,
    command,
    /** Runs the job, and returns the id of the run. */
    run: async (): Promise<string> => {
      const { status, stdout } = await command("trigger", "jobs", "keeps", "--json");
      expect(status).toBe(0);
      return JSON.parse(stdout).id;
    },
    copies: () => listCopies(file("backups")),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
};

const artifactOf = (file: string, run: string): string => `${file}-artifacts/${run}/t/sub/a.txt`;

describe("petit backup FOLDER", () => {
  test("makes a verified copy with the artifacts as hard links, and restore puts both back", async () => {
    using at = place();
    const run = await at.run();
    const made = await at.command("backup", "backups", "--json");
    expect(made).toMatchObject({ status: 0, stderr: "" });
    const { file, bytes, artifacts, deleted } = JSON.parse(made.stdout);
    expect(basename(file)).toMatch(NAME);
    expect({ bytes, artifacts, deleted }).toEqual({
      bytes: statSync(file).size,
      artifacts: { linked: 1, copied: 0, damaged: [] },
      deleted: [],
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(artifactOf(file, run)).ino).toBe(statSync(artifactOf(at.file("petit.db"), run)).ino);
    expect(query(file, "PRAGMA integrity_check")).toEqual([["ok"]]);
    const lost = await at.run();
    for (const name of readdirSync(at.file(".")).filter((each) => each.startsWith("petit.db")))
      rmSync(at.file(name), { recursive: true });
    expect((await at.command("restore", "backups")).status).toBe(0);
    expect(query(at.file("petit.db"), "SELECT id FROM runs")).toEqual([[run]]);
    expect(readFileSync(artifactOf(at.file("petit.db"), run), "utf8")).toBe(`${run}\n`);
    expect(existsSync(artifactOf(at.file("petit.db"), lost))).toBe(false);
    // The restored file is one of its own, so that nothing changes the copy.
    expect(statSync(artifactOf(at.file("petit.db"), run)).ino).not.toBe(statSync(artifactOf(file, run)).ino);
  });

  test("says what is restored and which runs are lost", async () => {
    using at = place();
    await at.run();
    await at.command("backup", "backups");
    await at.run();
    await at.run();
    const restored = await at.command("restore", "backups");
    expect(restored.stderr).toContain("2 runs that the copy does not have are lost");
    expect(restored.stderr).toContain("kept the old database as");
    const aside = readdirSync(at.file(".")).find((name) => /before-restore-[\dT-]+$/.test(name)) ?? "";
    expect(query(at.file(aside), "SELECT count(*) FROM runs")).toEqual([[3]]);
  });

  test("tells two copies of the same second apart, and leaves other files alone", async () => {
    using at = place();
    await at.run();
    writeFileSync(at.file("backups/petit-notes.db"), "notes");
    for (let count = 0; count < 3; count++) expect((await at.command("backup", "backups")).status).toBe(0);
    expect(new Set(at.copies().map((copy) => copy.at)).size).toBe(3);
    expect(readFileSync(at.file("backups/petit-notes.db"), "utf8")).toBe("notes");
  });

  test.skipIf(!isRoot)(
    "copies artifacts by content to another disk once, then links its own earlier copies",
    async () => {
      using at = place();
      const run = await at.run();
      using _disk = mountDisk(at.file("backups"), "8m");
      const first = JSON.parse((await at.command("backup", "backups", "--json")).stdout);
      expect(first.artifacts).toEqual({ linked: 0, copied: 1, damaged: [] });
      const second = JSON.parse((await at.command("backup", "backups", "--json")).stdout);
      expect(second.artifacts).toEqual({ linked: 1, copied: 0, damaged: [] });
      expect(readFileSync(artifactOf(second.file, run), "utf8")).toBe(`${run}\n`);
      const bad = await at.run();
      const original = artifactOf(at.file("petit.db"), bad);
      writeFileSync(original, readFileSync(original, "utf8").toUpperCase().replace("-", "_"));
      const third = JSON.parse((await at.command("backup", "backups", "--json")).stdout);
      expect(third.artifacts).toEqual({ linked: 1, copied: 0, damaged: [`${bad}/t/sub/a.txt`] });
    },
  );

  test.skipIf(!isRoot)("of root belongs to the owner of the folder, who makes the next one", async () => {
    using at = place();
    const run = await at.run();
    chownSync(at.file("backups"), 65_534, 65_534);
    expect((await at.command("backup", "backups")).status).toBe(0);
    const own = (name: string): boolean => statSync(at.file(`backups/${name}`)).uid === 65_534;
    const names = readdirSync(at.file("backups"));
    expect(names.length).toBeGreaterThanOrEqual(3);
    expect(names.filter((name) => !own(name))).toEqual([]);
    // Hard links are the artifacts of petit itself.
    expect(statSync(artifactOf(at.copies()[0]?.file ?? "", run)).uid).toBe(0);
  });

  test("without a target uses backup_dir, and deletes what expired, of this database only", async () => {
    using at = place();
    await at.run();
    await at.command("backup", "backups");
    const [made] = at.copies();
    if (made === undefined) throw new Error("there is no copy");
    const old = `petit-${made.database}-2020-01-01T00-00-00Z.db`;
    const other = "petit-000000000000-2020-01-01T00-00-00Z.db";
    for (const name of [old, other]) {
      copyFileSync(made.file, at.file(`backups/${name}`));
      mkdirSync(at.file(`backups/${name}-artifacts`));
    }
    const ended = await at.command("backup", "--backup-dir", "backups", "--no-backup-artifacts", "--json");
    expect(JSON.parse(ended.stdout)).toMatchObject({ artifacts: null, deleted: [at.file(`backups/${old}`)] });
    expect(existsSync(at.file(`backups/${old}-artifacts`))).toBe(false);
    expect(existsSync(at.file(`backups/${other}`))).toBe(true);
    expect(await at.command("backup")).toMatchObject({ status: 2 });
  });

  test("removes what an interrupted backup of this database left, and nothing of others", async () => {
    using at = place();
    await at.run();
    await at.command("backup", "backups");
    const [made] = at.copies();
    const left = [`.petit-${made?.database}-2026-01-01T00-00-00Z.db-0a0b0c0d`];
    const folders = [
      `.petit-${made?.database}-2026-01-01T00-00-00Z.db-artifacts`,
      `petit-${made?.database}-2026-01-01T00-00-00Z.db-artifacts`,
    ];
    const kept = [".petit-000000000000-2026-01-01T00-00-00Z.db-0a0b0c0d"];
    for (const name of [...left, ...kept]) writeFileSync(at.file(`backups/${name}`), "");
    for (const name of folders) mkdirSync(at.file(`backups/${name}/x`), { recursive: true });
    expect((await at.command("backup", "backups")).status).toBe(0);
    const names = readdirSync(at.file("backups"));
    for (const name of [...left, ...folders]) expect(names).not.toContain(name);
    for (const name of kept) expect(names).toContain(name);
  });

  test.skipIf(!isRoot)("leaves no copy on a full disk, deletes no older one, and says so", async () => {
    using at = place();
    await at.run();
    await using _running = await startPetit({ dir: at.file("."), jobsDir: at.file("jobs") });
    using _disk = mountDisk(at.file("backups"), "1m");
    expect((await at.command("backup", "backups")).status).toBe(0);
    writeFileSync(at.file("backups/ballast"), Buffer.alloc(2 ** 20 - 650_000));
    const before = readdirSync(at.file("backups")).sort();
    const ended = await at.command("backup", "--backup-dir", "backups");
    expect(ended).toMatchObject({ status: 1, stdout: "" });
    expect(ended.stderr).toContain("full");
    expect(readdirSync(at.file("backups")).sort()).toEqual(before);
  });

  test("is none of a database with another schema than petit makes, because it could not be restored", async () => {
    using at = place();
    await at.run();
    change(at.file("petit.db"), "CREATE TRIGGER mine AFTER INSERT ON runs BEGIN DELETE FROM jobs; END");
    for (const target of ["backups", "copy.db"]) {
      expect(await at.command("backup", target)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("the copy is damaged, so it was deleted: trigger mine is not one of petit"),
      });
    }
    expect(at.copies()).toEqual([]);
    expect(existsSync(at.file("copy.db"))).toBe(false);
    const { status, stdout } = await at.command("doctor", "jobs");
    expect(status).toBe(1);
    expect(stdout).toContain("trigger mine is not one of petit");
  });

  test.each([
    ["missing", "there is no folder none"],
    ["in the folder of the artifacts", "is in the folder of the artifacts"],
  ])("refuses a folder that is %s", async (what, message) => {
    using at = place();
    await at.run();
    const folder = what === "missing" ? "none" : "petit.db-artifacts";
    expect(await at.command("backup", "--backup-dir", folder)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(message),
    });
  });
});

describe("petit restore FOLDER", () => {
  test("takes the newest copy at or before --at", async () => {
    using at = place();
    const first = await at.run();
    await at.command("backup", "backups");
    await at.run();
    await at.command("backup", "backups");
    const [newer, older] = at.copies();
    if (newer === undefined || older === undefined) throw new Error("there are no two copies");
    const moved = older.file.replace(/\d{4}-\d\d-\d\dT/, "2026-01-02T");
    renameSync(older.file, moved);
    renameSync(`${older.file}-artifacts`, `${moved}-artifacts`);
    expect(await at.command("restore", "backups", "--at", "2026-01-01T00:00:00Z")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(`the oldest one is backups/${basename(moved)}`),
    });
    expect(await at.command("restore", "backups", "--at", "soon")).toMatchObject({ status: 2 });
    const restored = await at.command("restore", "backups", "--at", "2026-01-03", "--json");
    expect(JSON.parse(restored.stdout)).toMatchObject({ file: `backups/${basename(moved)}`, runs: 1, lost_runs: 1 });
    expect(query(at.file("petit.db"), "SELECT id FROM runs")).toEqual([[first]]);
    expect(await at.command("restore", newer.file, "--at", "now")).toMatchObject({ status: 2 });
  });

  test("takes no copy that has what came after --at, and takes the one of its name", async () => {
    using at = place();
    await at.run();
    await at.command("backup", "backups");
    await at.run();
    await at.command("backup", "backups");
    const [newer, older] = at.copies();
    if (newer === undefined || older === undefined) throw new Error("there are no two copies");
    const [[copiedAt] = []] = query(newer.file, "SELECT copied_at FROM identity");
    const [[endedAt] = []] = query(newer.file, "SELECT max(ended_at) FROM runs");
    expect(newer.at).toBeGreaterThanOrEqual(Number(copiedAt));
    expect(copiedAt).toBeGreaterThanOrEqual(Number(endedAt));
    const chosen = async (time: number) => {
      const text = new Date(time).toISOString();
      const { stdout } = await at.command("restore", "backups", "--dry-run", "--json", "--at", text);
      return JSON.parse(stdout).file;
    };
    expect(await chosen(newer.at)).toBe(`backups/${basename(newer.file)}`);
    expect(await chosen(newer.at - 1)).toBe(`backups/${basename(older.file)}`);
  });

  const spoilt: readonly (readonly [string, (at: ReturnType<typeof place>, file: string) => void, string])[] = [
    ["truncated", (_, file) => truncateSync(file, 40_000), "is damaged"],
    ["empty", (_, file) => truncateSync(file, 0), "is empty"],
    ["of a newer petit", (_, file) => change(file, "PRAGMA user_version = 9999"), "of a newer petit"],
    [
      "of another petit",
      (_, file) => change(file, "UPDATE identity SET id = '0123456789abcdef0123456789abcdef'"),
      "is a copy of another database",
    ],
    [
      "without a table",
      (_, file) => change(file, "DROP TABLE artifacts"),
      "does not have the schema of petit, so it is not restored: table artifacts is missing",
    ],
    [
      "with a trigger of somebody else",
      (_, file) => change(file, "CREATE TRIGGER more AFTER INSERT ON runs BEGIN DELETE FROM jobs; END"),
      "trigger more is not one of petit",
    ],
    [
      "of an earlier version, as it says",
      (_, file) => change(file, "PRAGMA user_version = 3"),
      "is not that of petit's schema 3",
    ],
    [
      "without any table",
      (_, file) => {
        rmSync(file);
        change(file, "PRAGMA user_version = 0; VACUUM");
      },
      "is empty; it is not a petit database yet",
    ],
    [
      "no petit database",
      (_, file) => writeFileSync(file, "text".repeat(5_000)),
      "is damaged, so it is not restored: file is not a database",
    ],
    [
      "of another name",
      (_, file) => renameSync(file, file.replace(/-[0-9a-f]{12}-/, "-0123456789ab-")),
      "only copies of other databases",
    ],
    ["not there", (at) => rmSync(at.file("backups"), { recursive: true }), "there is no copy"],
    ["not in the folder", (_, file) => rmSync(file), "has no copy of this database"],
  ];
  test.each(spoilt)("refuses a copy that is %s, and changes nothing", async (_, spoil, message) => {
    using at = place();
    await at.run();
    expect((await at.command("backup", "backups")).status).toBe(0);
    spoil(at, at.copies()[0]?.file ?? "");
    const before = readFileSync(at.file("petit.db"));
    const names = readdirSync(at.file(".")).sort();
    const ended = await at.command("restore", "backups");
    expect(ended.stderr).toContain(message);
    expect(ended.status).toBe(2);
    expect(readFileSync(at.file("petit.db")).equals(before)).toBe(true);
    expect(readdirSync(at.file(".")).sort()).toEqual(names);
  });

  test("names the copy before a damaged one", async () => {
    using at = place();
    await at.run();
    for (let count = 0; count < 2; count++) await at.command("backup", "backups");
    const [newer, older] = at.copies();
    truncateSync(newer?.file ?? "", 40_000);
    const { stderr } = await at.command("restore", "backups", "--dry-run");
    expect(stderr).toContain(`the copy before it is backups/${basename(older?.file ?? "")}`);
  });

  test("refuses copies of two databases if there is no database that tells which", async () => {
    using at = place();
    await at.run();
    await at.command("backup", "backups");
    copyFileSync(at.copies()[0]?.file ?? "", at.file("backups/petit-000000000000-2026-01-01T00-00-00Z.db"));
    rmSync(at.file("petit.db"));
    const ended = await at.command("restore", "backups");
    expect(ended).toMatchObject({ status: 2 });
    expect(ended.stderr).toContain("has copies of 2 databases; name the copy that you want");
    expect(existsSync(at.file("petit.db"))).toBe(false);
  });

  test("refuses while petit runs", async () => {
    using at = place();
    await at.run();
    await at.command("backup", "backups");
    await using _running = await startPetit({ dir: at.file("."), jobsDir: at.file("jobs") });
    expect(await at.command("restore", "backups")).toMatchObject({ status: 4 });
  });

  test("names a lock file that is none", async () => {
    using at = place();
    await at.run();
    await at.command("backup", "backups");
    rmSync(at.file("petit.db-lock"));
    mkdirSync(at.file("petit.db-lock"));
    const { status, stderr } = await at.command("restore", "backups");
    expect({ status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/petit\.db-lock can't be read: /),
    });
  });

  test("does not apply the log of a database that is gone to the copy, and keeps it", async () => {
    using at = place();
    const kept = await at.run();
    await using running = await startPetit({ dir: at.file("."), jobsDir: at.file("jobs") });
    const trigger = async () => {
      const { body } = await post(running, "/api/jobs/keeps/trigger?wait=60");
      return body.run_id as string;
    };
    const copied = await trigger();
    expect((await at.command("backup", "backups")).status).toBe(0);
    await trigger();
    await running.kill();
    expect(statSync(at.file("petit.db-wal")).size).toBeGreaterThan(0);
    rmSync(at.file("petit.db"));
    const { stderr } = await at.command("restore", "backups");
    expect(stderr).toContain("there is no old database, so it is unknown which runs since the copy are lost");
    expect(existsSync(at.file("petit.db-wal"))).toBe(false);
    expect(readdirSync(at.file(".")).filter((name) => /before-restore-[\dT-]+-wal$/.test(name))).toHaveLength(1);
    expect(query(at.file("petit.db"), "SELECT id FROM runs ORDER BY seq")).toEqual([[kept], [copied]]);
    expect(query(at.file("petit.db"), "PRAGMA integrity_check")).toEqual([["ok"]]);
  });

  test("restores a second time after the database is lost again, and keeps the artifacts of both", async () => {
    using at = place();
    const run = await at.run();
    await at.command("backup", "backups");
    for (let count = 0; count < 2; count++) {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(at.file(`petit.db${suffix}`), { force: true });
      const ended = await at.command("restore", "backups", "--json");
      expect(ended).toMatchObject({ status: 0, stderr: "" });
      expect(JSON.parse(ended.stdout).lost_runs).toBeNull();
      expect(readFileSync(artifactOf(at.file("petit.db"), run), "utf8")).toBe(`${run}\n`);
    }
    expect(readdirSync(at.file(".")).filter((name) => /before-restore-.*-artifacts$/.test(name))).toHaveLength(2);
  });

  test("that was interrupted before the artifacts had their place is ended by the next start", async () => {
    using at = place();
    const run = await at.run();
    await at.command("backup", "backups");
    const lost = await at.run();
    await at.command("restore", "backups");
    // As after kill -9 between the renames of the database and of the artifacts.
    const [[copiedAt] = []] = query(at.file("petit.db"), "SELECT copied_at FROM identity");
    const aside = readdirSync(at.file(".")).find((name) => /before-restore-.*-artifacts$/.test(name)) ?? "";
    renameSync(at.file("petit.db-artifacts"), at.file(`petit.db-restored-${copiedAt}-artifacts`));
    renameSync(at.file(aside), at.file("petit.db-artifacts"));
    const next = await at.run();
    const runsIn = (folder: string) => readdirSync(at.file(folder)).filter((name) => !name.startsWith("."));
    expect(runsIn("petit.db-artifacts").sort()).toEqual([run, next].sort());
    expect(readdirSync(at.file(".")).filter((name) => name.includes("-restored-"))).toEqual([]);
    const kept = readdirSync(at.file(".")).find((name) => /before-restore-.*-artifacts$/.test(name)) ?? "";
    expect(runsIn(kept).sort()).toEqual([run, lost].sort());
  });

  const elsewhere: readonly (readonly [string, boolean, (at: ReturnType<typeof place>) => Disposable])[] = [
    [
      "a link to another folder",
      true,
      (at) => {
        mkdirSync(at.file("disk"));
        renameSync(at.file("petit.db-artifacts"), at.file("disk/here"));
        symlinkSync(at.file("disk/here"), at.file("petit.db-artifacts"));
        return { [Symbol.dispose]: () => {} };
      },
    ],
    [
      "a mount point",
      isRoot,
      (at) => {
        renameSync(at.file("petit.db-artifacts"), at.file("moved"));
        mkdirSync(at.file("petit.db-artifacts"));
        const disk = mountDisk(at.file("petit.db-artifacts"), "8m");
        cpSync(at.file("moved"), at.file("petit.db-artifacts"), { recursive: true });
        return disk;
      },
    ],
  ];
  for (const [what, canMake, move] of elsewhere) {
    test.skipIf(!canMake)(`puts artifacts into their folder if that is ${what}`, async () => {
      using at = place();
      const run = await at.run();
      using _moved = move(at);
      const { ino } = statSync(at.file("petit.db-artifacts"));
      await at.command("backup", "backups");
      const lost = await at.run();
      for (let count = 0; count < 2; count++) {
        const ended = await at.command("restore", "backups");
        expect(ended).toMatchObject({ status: 0, stderr: expect.stringContaining("restored the artifacts") });
        expect(statSync(at.file("petit.db-artifacts")).ino).toBe(ino);
        expect(readFileSync(artifactOf(at.file("petit.db"), run), "utf8")).toBe(`${run}\n`);
        expect(existsSync(artifactOf(at.file("petit.db"), lost))).toBe(false);
      }
      const hidden = readdirSync(at.file("petit.db-artifacts")).filter(
        (name) => name.startsWith(".") && name !== ".new",
      );
      const [first = "", second, ...others] = hidden.sort();
      expect(first).toMatch(/^\.before-restore-[\dT-]+$/);
      expect(second).toMatch(/^\.before-restore-[\dT-]+$/);
      expect(others).toEqual([]);
      expect(readFileSync(at.file(`petit.db-artifacts/${first}/${lost}/t/sub/a.txt`), "utf8")).toBe(`${lost}\n`);
      // Without artifacts in the copy, the present ones stay.
      rmSync(`${at.copies()[0]?.file}-artifacts`, { recursive: true });
      expect((await at.command("restore", "backups")).status).toBe(0);
      expect(readFileSync(artifactOf(at.file("petit.db"), run), "utf8")).toBe(`${run}\n`);
      await at.run();
      expect(readFileSync(artifactOf(at.file("petit.db"), run), "utf8")).toBe(`${run}\n`);
    });
  }

  test.each([
    ["before what was there is moved", (restored: string) => restored],
    ["after what was there was moved", (restored: string) => `${restored}-new`],
  ])("into a linked folder that was interrupted %s is ended by the next start", async (_, nameOf) => {
    using at = place();
    const run = await at.run();
    elsewhere[0]?.[2](at);
    await at.command("backup", "backups");
    const lost = await at.run();
    await at.command("restore", "backups");
    const [[copiedAt] = []] = query(at.file("petit.db"), "SELECT copied_at FROM identity");
    const prepared = at.file(`disk/here/${nameOf(`.restored-${copiedAt}`)}`);
    const [aside = ""] = readdirSync(at.file("disk/here")).filter((name) => name.startsWith(".before-restore-"));
    // As after kill -9: the folder of the restored run is not there yet, and that of the lost one perhaps still is.
    mkdirSync(prepared);
    renameSync(at.file(`disk/here/${run}`), join(prepared, run));
    if (!prepared.endsWith("-new")) renameSync(at.file(`disk/here/${aside}/${lost}`), at.file(`disk/here/${lost}`));
    await at.run();
    expect(readFileSync(artifactOf(at.file("petit.db"), run), "utf8")).toBe(`${run}\n`);
    expect(existsSync(artifactOf(at.file("petit.db"), lost))).toBe(false);
    expect(existsSync(prepared)).toBe(false);
    const kept = readdirSync(at.file("disk/here")).filter((name) => name.startsWith(".before-restore-"));
    expect(kept.filter((name) => existsSync(at.file(`disk/here/${name}/${lost}`)))).toHaveLength(1);
  });

  test("refuses a link of the artifacts to a folder that is not there, and changes nothing", async () => {
    using at = place();
    await at.run();
    await at.command("backup", "backups");
    renameSync(at.file("petit.db-artifacts"), at.file("moved"));
    symlinkSync(at.file("nowhere"), at.file("petit.db-artifacts"));
    const names = readdirSync(at.file(".")).sort();
    const ended = await at.command("restore", "backups");
    expect(ended.stderr).toContain(
      "petit.db-artifacts leads to a folder that is not there; mount its disk, or remove the link",
    );
    expect(ended.status).toBe(2);
    expect(readdirSync(at.file(".")).sort()).toEqual(names);
  });

  test("leaves out an artifact of the copy that is damaged, and takes only what the copy lists", async () => {
    using at = place();
    const [good, bad] = [await at.run(), await at.run()];
    await at.command("backup", "backups");
    const file = at.copies()[0]?.file ?? "";
    writeFileSync(artifactOf(file, bad), readFileSync(artifactOf(file, bad), "utf8").replace(/.\n$/, "x\n"));
    spawnSync("mkfifo", [join(`${file}-artifacts`, "pipe")]);
    const ended = await at.command("restore", "backups");
    expect(ended.stderr).toContain(`1 artifact missing or damaged, and not restored:\n${bad}/t/sub/a.txt`);
    expect(ended.status).toBe(0);
    expect(readFileSync(artifactOf(at.file("petit.db"), good), "utf8")).toBe(`${good}\n`);
    expect(existsSync(artifactOf(at.file("petit.db"), bad))).toBe(false);
    expect(readdirSync(at.file("petit.db-artifacts"))).not.toContain("pipe");
  });

  test("names the artifacts that the copy lacks", async () => {
    using at = place();
    const run = await at.run();
    await at.command("backup", "backups");
    const file = at.copies()[0]?.file ?? "";
    rmSync(artifactOf(file, run));
    const ended = await at.command("restore", "backups", "--json");
    expect(JSON.parse(ended.stdout).missing_artifacts).toEqual([`${run}/t/sub/a.txt`]);
  });

  test.skipIf(!isRoot)("leaves everything as it was on a full disk", async () => {
    using at = place();
    mkdirSync(at.file("disk"));
    using _disk = mountDisk(at.file("disk"), "8m");
    const on = (...args: readonly string[]) => petit(["--db", "disk/petit.db", ...args], { cwd: at.file(".") });
    expect((await on("trigger", "jobs", "keeps")).status).toBe(0);
    expect((await on("backup", "backups")).status).toBe(0);
    const free = spawnSync("df", ["--output=avail", "-k", at.file("disk")])
      .stdout.toString()
      .split("\n")[1];
    writeFileSync(at.file("disk/ballast"), Buffer.alloc(Math.max(0, Number(free) - 40) * 1_024));
    const names = () => readdirSync(at.file("disk")).sort();
    const before = { names: names(), db: readFileSync(at.file("disk/petit.db")) };
    const ended = await on("restore", "backups");
    expect(ended).toMatchObject({ status: 1, stderr: expect.stringContaining("could not be restored") });
    expect(names()).toEqual(before.names);
    expect(readFileSync(at.file("disk/petit.db")).equals(before.db)).toBe(true);
  });
});

const mountDisk = (path: string, size: string): Disposable => {
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=700`, "tmpfs", path]);
  if (status !== 0) throw new Error(`no disk could be made: ${stderr}`);
  return { [Symbol.dispose]: () => void spawnSync("umount", [path]) };
};
