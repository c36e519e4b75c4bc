import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, linkSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { JobFileEditor } from "../../../src/app/job-files/edit/editor.ts";
import { openPlace } from "../../../src/app/job-files/edit/path.ts";
import { removeAllRemnants, replaceFile } from "../../../src/app/job-files/edit/replace-file.ts";
import { Folder } from "../../../src/lib/files/folder.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { type JobDir, makeJobDir } from "../../support/job-dir.ts";

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Replaces a file of a folder, as a save does. */
const replace = async (dir: JobDir, path: string, text: string, base: string | null): Promise<boolean> => {
  const place = openPlace(dir.path, path);
  using _ = place.folder;
  return await replaceFile(place, { bytes: Buffer.from(text), base: base === null ? null : digestOf(base) });
};

const read = (dir: JobDir, path: string): string => readFileSync(join(dir.path, path), "utf8");

describe("replacing a job file", () => {
  test("happens only if it is the expected one", async () => {
    using dir = makeJobDir({ "a.yaml": "old" });
    expect(await replace(dir, "a.yaml", "new", "other")).toBe(false);
    expect(await replace(dir, "a.yaml", "new", null)).toBe(false);
    expect(read(dir, "a.yaml")).toBe("old");
    expect(await replace(dir, "a.yaml", "new", "old")).toBe(true);
    expect(read(dir, "a.yaml")).toBe("new");
    expect(await replace(dir, "b.yaml", "new", "old")).toBe(false);
    expect(await replace(dir, "b.yaml", "new", null)).toBe(true);
    expect(readdirSync(dir.path).sort()).toEqual(["a.yaml", "b.yaml"]);
  });

  test("keeps its mode, and leaves other names of the old one alone", async () => {
    using dir = makeJobDir({ "a.yaml": "old" });
    chmodSync(join(dir.path, "a.yaml"), 0o600);
    linkSync(join(dir.path, "a.yaml"), join(dir.path, "copy.yaml"));
    expect(await replace(dir, "a.yaml", "new", "old")).toBe(true);
    expect(statSync(join(dir.path, "a.yaml")).mode & 0o7777).toBe(0o600);
    expect(read(dir, "copy.yaml")).toBe("old");
  });

  test("of which many are made at once from the same content succeeds once", async () => {
    using dir = makeJobDir({ "sub/a.yaml": "0" });
    for (let round = 0; round < 20; round++) {
      const saves = Array.from({ length: 10 }, (_, index) =>
        replace(dir, "sub/a.yaml", `${round}.${index}`, read(dir, "sub/a.yaml")),
      );
      expect((await Promise.all(saves)).filter(Boolean)).toEqual([true]);
    }
    expect(readdirSync(join(dir.path, "sub"))).toEqual(["a.yaml"]);
  });
});

test("what killed saves have left is removed in all folders, and nothing else", async () => {
  const left = ".petit-edit-0123456789abcdef";
  using dir = makeJobDir({
    [left]: "x",
    [`sub/deep/${left}`]: "x",
    ".petit-edit-x": "x",
    [`.git/${left}`]: "x",
    "a.yaml": "a",
  });
  using root = Folder.open(dir.path);
  if (root === null) throw new Error("the folder is missing");
  await removeAllRemnants(root);
  expect(readdirSync(dir.path, { recursive: true }).map(String).sort()).toEqual([
    ".git",
    `.git/${left}`,
    ".petit-edit-x",
    "a.yaml",
    "sub",
    "sub/deep",
  ]);
});

describe("checks of drafts", () => {
  test("are made one at a time, and not for clients that are gone", async () => {
    using dir = makeJobDir();
    const checked: string[] = [];
    const first = Promise.withResolvers<void>();
    const editor = new JobFileEditor({
      jobsDir: dir.path,
      log: silentLog,
      readDraft: async ({ bytes }) => {
        checked.push(String(bytes));
        if (checked.length === 1) await first.promise;
        return { jobs: [], others: [], broken: [], errors: [], warnings: [] };
      },
      reload: async () => {},
      lostEdits: () => ({ add: () => {}, remove: () => {} }),
      whoSaved: () => null,
    });
    const check = (text: string, signal: AbortSignal) => editor.check({ path: "a.yaml", text, base: null }, signal);
    const [waiting, gone] = [new AbortController(), new AbortController()];
    const answers = Promise.allSettled([
      check("1", waiting.signal),
      check("2", gone.signal),
      check("3", gone.signal),
      check("4", waiting.signal),
    ]);
    gone.abort();
    first.resolve();
    expect((await answers).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    expect(checked).toEqual(["1", "4"]);
  });
});
