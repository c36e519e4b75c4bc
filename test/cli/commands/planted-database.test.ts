import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { petit, type TempFolder, tempFolder } from "../../support/cli.ts";

/** Only root can give a file to another user. */
const isRoot = process.geteuid?.() === 0;
const STRANGER = 65_534;
const HELLO = "id: hello\ntasks: [{id: t, type: shell, script: 'echo hi'}]\n";

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

/** Creates a folder in which every user can create files, such as /tmp. */
const sharedFolder = (): TempFolder => {
  const folder = tempFolder();
  folder.write("jobs/a.yaml", HELLO);
  chmodSync(folder.path, 0o1777);
  return folder;
};

const trigger = (folder: TempFolder, environment: Readonly<Record<string, string>> = {}) =>
  petit(["trigger", "jobs", "hello", "--db", "petit.db"], { cwd: folder.path, environment });

describe.skipIf(!isRoot)("a file that another user planted", () => {
  test("in place of the spool folder is refused before a task runs", async () => {
    using folder = sharedFolder();
    const spool = join(folder.path, "petit.db-spool");
    mkdirSync(spool);
    chmodSync(spool, 0o777);
    chownSync(spool, STRANGER, STRANGER);
    const { status, stdout, stderr } = await trigger(folder);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("petit.db-spool belongs to user 65534, who could decide what petit runs as user 0");
    expect(existsSync(join(folder.path, "petit.db"))).toBe(false);
  });

  test.each([
    ["run", ["run", "jobs", "--api-port=0"]],
    ["trigger", ["trigger", "jobs", "hello", "--db=petit.db"]],
  ])("in place of the database is refused by petit %s", async (_, args) => {
    using folder = sharedFolder();
    expect((await trigger(folder)).status).toBe(0);
    chownSync(join(folder.path, "petit.db"), STRANGER, STRANGER);
    const { status, stderr } = await petit(args, { cwd: folder.path });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringContaining("petit.db belongs to user 65534"),
    });
  });

  test("does not prevent root from reading the database", async () => {
    using folder = sharedFolder();
    expect((await trigger(folder)).status).toBe(0);
    chownSync(join(folder.path, "petit.db"), STRANGER, STRANGER);
    expect((await petit(["backup", "copy.db"], { cwd: folder.path })).status).toBe(0);
    const { stdout } = await petit(["doctor", "--api-port=0"], { cwd: folder.path });
    expect(stdout).toMatch(/✗ permissions +.*petit\.db belongs to user 65534/);
    expect(stdout).toMatch(/! folder +other users can write to/);
  });

  test("is trusted if it belongs to the user who called sudo", async () => {
    using folder = sharedFolder();
    // In a folder with the sticky bit, Linux does not let root write to files of others (fs.protected_regular).
    chmodSync(folder.path, 0o755);
    expect((await trigger(folder)).status).toBe(0);
    for (const suffix of ["", "-lock", "-spool"]) chownSync(join(folder.path, `petit.db${suffix}`), STRANGER, STRANGER);
    expect((await trigger(folder, { SUDO_UID: String(STRANGER) })).status).toBe(0);
  });
});

describe("a folder that others can write to", () => {
  test("causes a warning", async () => {
    using folder = sharedFolder();
    const { status, stderr } = await trigger(folder);
    expect(status).toBe(0);
    expect(stderr).toContain(`other users can write to ${folder.path}`);
  });

  test("causes no warning if only the owner can write to it", async () => {
    using folder = sharedFolder();
    chmodSync(folder.path, 0o755);
    expect((await trigger(folder)).stderr).not.toContain("other users");
  });
});

test("petit restricts the mode of existing files that others can read", async () => {
  using folder = tempFolder();
  folder.write("jobs/a.yaml", HELLO);
  expect((await trigger(folder)).status).toBe(0);
  const files = ["petit.db", "petit.db-lock", "petit.db-spool"].map((name) => join(folder.path, name));
  for (const file of files) chmodSync(file, file.endsWith("-spool") ? 0o777 : 0o644);
  expect((await trigger(folder)).status).toBe(0);
  expect(files.map(modeOf)).toEqual(["600", "600", "700"]);
});
