import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, PETIT, petit, tempFolder } from "../../support/cli.ts";

/** Runs as root without the capabilities to access other users' files. Another user might be unable to read this folder. */
const BARRED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
const [setpriv = "", ...bounds] = BARRED;
const canBar = process.getuid?.() === 0 && spawnSync(setpriv, [...bounds, "true"]).status === 0;

const STRANGER = 65_534;
const HELLO = "id: hello\ntasks: [{id: t, type: shell, script: 'echo hi'}]\n";

/** Creates a folder with jobs and a database, and in it a folder of another user with the same contents. */
const setUp = async () => {
  const folder = tempFolder();
  for (const jobs of ["jobs", "closed/jobs"]) folder.write(`${jobs}/a.yaml`, HELLO);
  for (const db of ["petit.db", "closed/petit.db"])
    expect((await petit(["trigger", "jobs", "hello", "--db", db], { cwd: folder.path })).status).toBe(0);
  const closed = join(folder.path, "closed");
  mkdirSync(join(closed, "deep"));
  chmodSync(closed, 0o700);
  chownSync(closed, STRANGER, STRANGER);
  chownSync(join(folder.path, "petit.db"), STRANGER, STRANGER);
  return folder;
};

const barred = (cwd: string, ...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(setpriv, [...bounds, ...PETIT, ...args], {
    cwd,
    env: cleanEnvironment(cwd),
    encoding: "utf8",
  });
  return { status, said: stdout + stderr };
};

describe.skipIf(!canBar)("a path that petit's user can't access", () => {
  test.each([
    ["the job files", ["run", "closed/jobs", "--api-port=0"], "closed/jobs can't be reached (EACCES"],
    ["the job files", ["validate", "closed/jobs"], "closed/jobs can't be reached (EACCES"],
    [
      "the database's folder",
      ["run", "jobs", "--api-port=0", "--db=closed/petit.db"],
      "closed/petit.db can't be reached",
    ],
    [
      "a folder further up",
      ["run", "jobs", "--api-port=0", "--db=closed/deep/petit.db"],
      "closed/deep can't be reached",
    ],
    ["the database's folder", ["backup", "copy.db", "--db=closed/petit.db"], "closed/petit.db can't be reached"],
    [
      "the database",
      ["run", "jobs", "--api-port=0"],
      "petit.db can't be used as petit's database: user 0 may not read it",
    ],
    ["the database", ["backup", "copy.db"], "it belongs to user 65534, mode 0600"],
  ])("is reported for %s: petit %j", async (_, args, said) => {
    using folder = await setUp();
    const ended = barred(folder.path, ...args);
    expect(ended).toEqual({ status: 2, said: expect.stringContaining(said) });
    expect(ended.said).not.toMatch(/internal error|there is no/);
  });

  test("is not reported as a missing folder by petit doctor", async () => {
    using folder = await setUp();
    chmodSync(join(folder.path, "closed"), 0o755);
    const there = barred(folder.path, "doctor", "--api-port=0", "--db=closed/new.db");
    expect(there.said).toContain("let petit's user write to");
    expect(there.said).not.toContain("create the folder");
    expect(barred(folder.path, "doctor", "--api-port=0", "--db=no/new.db").said).toMatch(
      /create the folder \S+\/no, or/,
    );
  });

  test("is reported by petit doctor for job files that people are to edit", async () => {
    using folder = await setUp();
    const args = ["doctor", "jobs", "--edit", "--api-port=0", "--db=new.db"];
    expect(barred(folder.path, ...args).said).toContain("job files in jobs can be edited");
    chownSync(join(folder.path, "jobs"), STRANGER, STRANGER);
    const { said } = barred(folder.path, ...args);
    expect(said).toContain("--edit can't save job files: jobs can't be written (EACCES");
    expect(said).toContain("let petit's user write to jobs, or run petit without --edit");
  });

  test("is reported for a read-only database, before petit creates files next to it", async () => {
    using folder = await setUp();
    const db = join(folder.path, "petit.db");
    chownSync(db, 0, 0);
    chmodSync(db, 0o400);
    const refused = barred(folder.path, "run", "jobs", "--api-port=0");
    expect(refused).toEqual({ status: 2, said: expect.stringContaining("user 0 may not write it") });
    expect(readdirSync(folder.path)).not.toContain("petit.db-shm");
    chmodSync(db, 0o600);
    expect(barred(folder.path, "trigger", "jobs", "hello", "--db=petit.db").status).toBe(0);
  });

  test.each(["petit.db-spool", "petit.db-shm"])("is reported for a file next to the database: %s", async (name) => {
    using folder = await setUp();
    chownSync(join(folder.path, "petit.db"), 0, 0);
    const path = join(folder.path, name);
    if (name === "petit.db-shm") folder.write(name, "x");
    else mkdirSync(path, { recursive: true });
    chmodSync(path, 0o700);
    chownSync(path, STRANGER, STRANGER);
    const { status, said } = barred(folder.path, "run", "jobs", "--api-port=0");
    expect({ status, said }).toEqual({ status: 2, said: expect.stringContaining(`${name}: user 0 may not read it`) });
  });

  test("is reported by petit doctor with a hint", async () => {
    using folder = await setUp();
    for (const db of ["closed/petit.db", "petit.db"]) {
      const { status, said } = barred(folder.path, "doctor", "jobs", "--api-port=0", `--db=${db}`);
      expect(status).toBe(1);
      expect(said).toMatch(
        new RegExp(`✗ database +${db} can't be .*(EACCES|may not read it).*\n +→ run petit doctor as`),
      );
    }
  });
});
