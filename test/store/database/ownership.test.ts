import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { assertOwned, findForeign, findOpenFolder, restrictMode } from "../../../src/store/database/ownership.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Only root can change the owner of a file. */
const isRoot = process.geteuid?.() === 0;
const STRANGER = 65_534;

const fileOf = (db: string, environment: Record<string, string> = {}): string | null =>
  findForeign({ db, environment })?.file ?? null;

describe.skipIf(!isRoot)("findForeign", () => {
  test("trusts files of petit's user, and missing files", () => {
    using dir = tempDir();
    expect(fileOf(dir.file("petit.db"))).toBeNull();
    for (const suffix of ["", "-wal", "-lock"]) writeFileSync(dir.file(`petit.db${suffix}`), "");
    mkdirSync(dir.file("petit.db-spool"));
    expect(fileOf(dir.file("petit.db"))).toBeNull();
    expect(readdirSync(dir.path).length).toBe(4);
  });

  test.each(["", "-wal", "-shm", "-journal", "-lock", "-lock-journal", "-spool"])(
    "finds a file of another user: petit.db%s",
    (suffix) => {
      using dir = tempDir();
      const planted = dir.file(`petit.db${suffix}`);
      if (suffix === "-spool") mkdirSync(planted);
      else writeFileSync(planted, "");
      chownSync(planted, STRANGER, STRANGER);
      expect(fileOf(dir.file("petit.db"))).toBe(planted);
      // The probe file is deleted.
      expect(readdirSync(dir.path)).toEqual([`petit.db${suffix}`]);
    },
  );

  test("judges for the user that petit runs as, if root asks", () => {
    using dir = tempDir();
    const db = dir.file("petit.db");
    writeFileSync(db, "");
    chownSync(db, STRANGER, STRANGER);
    expect(findForeign({ db, environment: {}, runsAs: STRANGER })).toBeNull();
    expect(findForeign({ db, environment: { SUDO_UID: String(STRANGER) }, runsAs: 1 })?.file).toBe(db);
    chownSync(dir.path, STRANGER, STRANGER);
    expect(findOpenFolder({ db, environment: {}, runsAs: STRANGER })).toBeNull();
    expect(findOpenFolder({ db, environment: {}, runsAs: 1 })).toBe(dir.path);
  });

  test("finds another user's link to a file of root, and a link of root to another user's file", () => {
    using dir = tempDir();
    writeFileSync(dir.file("real.db"), "");
    symlinkSync("real.db", dir.file("petit.db"));
    expect(fileOf(dir.file("petit.db"))).toBeNull();
    lchownSync(dir.file("petit.db"), STRANGER, STRANGER);
    expect(fileOf(dir.file("petit.db"))).toBe(dir.file("petit.db"));
    lchownSync(dir.file("petit.db"), 0, 0);
    chownSync(dir.file("real.db"), STRANGER, STRANGER);
    expect(fileOf(dir.file("petit.db"))).toBe(dir.file("real.db"));
  });

  test("finds a link next to the database, even if its target is missing", () => {
    using dir = tempDir();
    symlinkSync("/nowhere/else", dir.file("petit.db-spool"));
    expect(fileOf(dir.file("petit.db"))).toBeNull();
    lchownSync(dir.file("petit.db-spool"), STRANGER, STRANGER);
    expect(fileOf(dir.file("petit.db"))).toBe(dir.file("petit.db-spool"));
  });

  test("trusts the user who called sudo, and no other user", () => {
    using dir = tempDir();
    writeFileSync(dir.file("petit.db"), "");
    chownSync(dir.file("petit.db"), STRANGER, STRANGER);
    expect(fileOf(dir.file("petit.db"), { SUDO_UID: String(STRANGER) })).toBeNull();
    expect(fileOf(dir.file("petit.db"), { SUDO_UID: "1000" })).toBe(dir.file("petit.db"));
    expect(fileOf(dir.file("petit.db"), { SUDO_UID: "" })).toBe(dir.file("petit.db"));
  });

  test("returns the owner and a hint", () => {
    using dir = tempDir();
    mkdirSync(dir.file("petit.db-spool"));
    chownSync(dir.file("petit.db-spool"), STRANGER, STRANGER);
    const spool = dir.file("petit.db-spool");
    expect(() => assertOwned({ db: dir.file("petit.db"), environment: {} })).toThrow(
      expect.objectContaining({
        code: "unusable_database",
        message:
          `${spool} belongs to user 65534, who could decide what petit runs as user 0; run petit as user 65534, name another ` +
          `database with --db, or, if you trust its content: chown -R 0 ${spool}`,
      }),
    );
  });
});

describe("findOpenFolder", () => {
  test.each([
    [0o700, false],
    [0o755, false],
    [0o777, true],
    [0o1777, true],
  ])("checks whether other users can write to a folder of mode %o", (mode, isOpen) => {
    using dir = tempDir();
    chmodSync(dir.path, mode);
    const db = dir.file("petit.db");
    expect(findOpenFolder({ db, environment: {} })).toBe(isOpen ? dir.path : null);
  });

  test.skipIf(!isRoot)("checks the group and the owner", () => {
    using dir = tempDir();
    const open = (): string | null => findOpenFolder({ db: dir.file("petit.db"), environment: { SUDO_UID: "1000" } });
    chmodSync(dir.path, 0o775);
    expect(open()).toBeNull();
    chownSync(dir.path, 0, STRANGER);
    expect(open()).toBe(dir.path);
    chmodSync(dir.path, 0o755);
    expect(open()).toBeNull();
    chownSync(dir.path, STRANGER, STRANGER);
    expect(open()).toBe(dir.path);
    chownSync(dir.path, 1000, STRANGER);
    expect(open()).toBeNull();
  });

  test("checks the folder of the target of a link", () => {
    using dir = tempDir();
    mkdirSync(dir.file("open"));
    chmodSync(dir.file("open"), 0o777);
    symlinkSync("open/petit.db", dir.file("petit.db"));
    expect(findOpenFolder({ db: dir.file("petit.db"), environment: {} })).toBe(dir.file("open"));
  });
});

describe("restrictMode", () => {
  const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

  test("removes the permissions of group and others", () => {
    using dir = tempDir();
    writeFileSync(dir.file("file"), "");
    chmodSync(dir.file("file"), 0o664);
    mkdirSync(dir.file("folder"));
    chmodSync(dir.file("folder"), 0o777);
    restrictMode(dir.file("file"));
    restrictMode(dir.file("folder"));
    expect([modeOf(dir.file("file")), modeOf(dir.file("folder"))]).toEqual(["600", "700"]);
  });

  test("ignores a missing file, a link and a device", () => {
    using dir = tempDir();
    writeFileSync(dir.file("other"), "");
    chmodSync(dir.file("other"), 0o644);
    symlinkSync("other", dir.file("link"));
    restrictMode(dir.file("link"));
    expect(modeOf(dir.file("other"))).toBe("644");
    rmSync(dir.file("other"));
    rmSync(dir.file("link"));
    restrictMode(dir.file("missing"));
    restrictMode("/dev/null");
    expect(modeOf("/dev/null")).toBe("666");
    expect(readdirSync(dirname(join(dir.path, "x")))).toEqual([]);
  });
});
