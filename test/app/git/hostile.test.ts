import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { checkOut, removeDrafts, removeFolder } from "../../../src/app/git/checkout.ts";
import { parseLocation } from "../../../src/app/git/location.ts";
import { type Credentials, LIMITS, Repository } from "../../../src/app/git/repository.ts";
import { repositoriesOf, serveGit } from "../../support/git/https.ts";
import { createOrigin, type Origin } from "../../support/git/origin.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOBODY: Credentials = { keyFile: null, token: null, knownHosts: null, ca: null, agent: null };

type Given = { readonly url?: string; readonly bytes?: number; readonly own?: string; readonly path?: string };

const setUp = ({ url, bytes = LIMITS.bytes, own, path = process.env.PATH ?? "" }: Given = {}) => {
  const dir = tempDir();
  const origin = createOrigin(dir.path);
  const location = parseLocation(url ?? origin.url);
  if ("problem" in location) throw new Error(location.problem);
  const folder = own ?? dir.file("petit.db-git");
  const repository = new Repository({
    dir: folder,
    location,
    path,
    signal: new AbortController().signal,
    limits: { ...LIMITS, bytes },
  });
  const commits = join(folder, "commits");
  return {
    dir,
    origin,
    repository,
    commits,
    copy: join(folder, "repository"),
    fetch: async (credentials = NOBODY) =>
      (await repository.fetchRef((await repository.look("main", credentials)).name, credentials)).commit,
    [Symbol.dispose]: () => {
      removeFolder(commits);
      dir[Symbol.dispose]();
    },
  };
};

const leftoversIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => /\.lock$|(?:^|\/)tmp_/.test(path));

const GIT = spawnSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).stdout.trim();

/** A text that git can't compress. */
const noise = (bytes: number): string => randomBytes(bytes / 2).toString("hex");

/** Kills the processes of git that work in a folder. Returns how many there were. */
const killGitIn = (folder: string): number => {
  const pids = readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "utf8").includes(`--git-dir=${folder}`);
    } catch {
      return false;
    }
  });
  for (const pid of pids) process.kill(Number(pid), "SIGKILL");
  return pids.length;
};

/** Pushes a commit as git would not write it. Returns the id of the object with the fault. */
const pushBroken = (origin: Origin, kind: "tree" | "commit", content: (tree: string) => string): string => {
  const write = (type: string, text: string): string => {
    writeFileSync(join(origin.path, "..", "object"), text, "latin1");
    return origin.git("hash-object", "-t", type, "-w", "--literally", join("..", "object"));
  };
  const tree = origin.git("rev-parse", "HEAD^{tree}");
  const id = write(kind, content(tree));
  const commit = kind === "commit" ? id : origin.git("commit-tree", "-m", "broken", id);
  origin.git("push", "--quiet", "--force", "origin", `${commit}:refs/heads/main`);
  return id;
};

const EMPTY_BLOB = "\xe6\x9d\xe2\x9b\xb2\xd1\xd6CK\x8b)\xaewZ\xd8\xc2\xe4\x8cS\x91";

describe("a repository", () => {
  test.each([
    ["tree", () => `100644 ..\0${EMPTY_BLOB}`, "hasDotdot"],
    ["tree", () => `100644 .GIT\0${EMPTY_BLOB}`, "hasDotgit"],
    ["tree", () => `100644 a\0${EMPTY_BLOB}100644 a\0${EMPTY_BLOB}`, "duplicateEntries"],
    ["commit", (tree: string) => `tree ${tree}\ncommitter A <a@b> 1 +0000\n\nx\n`, "missingAuthor"],
  ] as const)("that has a %s that git refuses is not taken, and the error names object and rule", async (...given) => {
    const [kind, content, rule] = given;
    using petit = setUp();
    petit.origin.push({ "a.txt": "", "b.txt": "text" });
    const object = pushBroken(petit.origin, kind, content);
    await expect(petit.fetch()).rejects.toMatchObject({
      fault: "broken_object",
      isLasting: true,
      message: expect.stringMatching(
        new RegExp(`^git refuses an object that the branch or tag leads to.* \\(object ${object}: ${rule}: `),
      ),
    });
  });

  test("whose tag is none of a commit has no such ref", async () => {
    using petit = setUp();
    petit.origin.push({ "a.txt": "text" });
    petit.origin.git("tag", "file", "HEAD:a.txt");
    petit.origin.git("push", "--quiet", "origin", "file");
    await expect(petit.repository.fetchRef("refs/tags/file", NOBODY)).rejects.toMatchObject({
      fault: "no_such_ref",
      message: "refs/tags/file is not a commit; expected a branch, or the tag of a commit",
    });
  });

  test("that is larger than the limit is refused, leaves nothing, and is taken when it is small again", async () => {
    using petit = setUp({ bytes: 2 ** 20 });
    const { origin, repository, copy } = petit;
    const small = origin.push({ "a.txt": "small" });
    expect(await petit.fetch()).toBe(small);
    origin.push({ "large.txt": noise(6 * 2 ** 20) });
    await expect(petit.fetch()).rejects.toMatchObject({ fault: "too_large" });
    expect(leftoversIn(copy)).toEqual([]);
    origin.git("reset", "--quiet", "--hard", small);
    const again = origin.push({ "a.txt": "small again" });
    await repository.keep(new Set([small]));
    await repository.collect("now");
    expect(await petit.fetch()).toBe(again);
    expect(await repository.find(small)).toBe(small);
  });

  test("that grows by many commits is refused when what petit has of it is larger than the limit", async () => {
    using petit = setUp({ bytes: 2 ** 20 });
    const { origin } = petit;
    let refused: unknown = null;
    for (let number = 0; number < 6 && refused === null; number++) {
      origin.push({ "large.txt": noise(700 * 2 ** 10) });
      refused = await petit.fetch().then(
        () => null,
        (error: unknown) => error,
      );
    }
    expect(refused).toMatchObject({ fault: "too_large", message: expect.stringContaining("1MiB") });
  });

  test("that is pushed with force again and again does not grow to the limit", async () => {
    using petit = setUp({ bytes: 2 ** 21 });
    const { origin, repository, copy } = petit;
    origin.push({ "a.txt": "one" });
    for (let time = 0; time < 12; time++) {
      origin.git("checkout", "--quiet", "--orphan", `again${time}`);
      origin.push({ "large.txt": noise(300 * 2 ** 10) });
      await petit.fetch();
      await repository.keep(new Set());
      await repository.collect("if_needed");
    }
    expect(
      Number(spawnSync("du", ["-sb", join(copy, "objects")], { encoding: "utf8" }).stdout.split("\t")[0]),
    ).toBeLessThan(2 ** 20);
  });

  test("can be fetched again after git was killed while it fetched", async () => {
    using dir = tempDir();
    let respond = repositoriesOf(dir.path, null);
    await using server = await serveGit(dir, (request, response) => respond(request, response));
    using petit = setUp({ url: `${server.origin}/origin.git` });
    const { origin, copy } = petit;
    const serve = repositoriesOf(petit.dir.path, null);
    respond = serve;
    const credentials = { ...NOBODY, ca: server.caFile };
    origin.push({ "a.txt": "one" });
    await petit.fetch(credentials);
    const second = origin.push({ "a.txt": noise(200_000) });
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    respond = (request, response) => {
      if (request.method === "GET") serve(request, response);
      else resolve();
    };
    const fetching = petit.fetch(credentials).then(
      () => null,
      (error: unknown) => error,
    );
    await asked;
    expect(killGitIn(copy)).toBeGreaterThan(0);
    expect(await fetching).toMatchObject({ name: "GitError" });
    writeFileSync(join(copy, "refs/petit/fetched.lock"), "");
    writeFileSync(join(copy, "objects/pack/tmp_pack_AbCdEf"), "half of it");
    respond = serve;
    expect(await petit.fetch(credentials)).toBe(second);
    expect(leftoversIn(copy)).toEqual([]);
  });

  test("runs no hook", async () => {
    using petit = setUp();
    const { origin, copy, dir } = petit;
    origin.push({ "a.txt": "one" });
    await petit.fetch();
    mkdirSync(join(copy, "hooks"), { recursive: true });
    for (const name of ["reference-transaction", "post-checkout", "pre-auto-gc"]) {
      writeFileSync(join(copy, "hooks", name), `#!/bin/sh\ntouch ${dir.file("ran")}\n`);
      chmodSync(join(copy, "hooks", name), 0o755);
    }
    const id = origin.push({ ".githooks/post-checkout": { program: `#!/bin/sh\ntouch ${dir.file("ran")}\n` } });
    expect(await petit.fetch()).toBe(id);
    await checkOut(petit.repository, petit.commits, id);
    expect(existsSync(dir.file("ran"))).toBe(false);
  });

  test("with files of LFS has their pointers", async () => {
    using petit = setUp();
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n";
    const id = petit.origin.push({ "data.bin": pointer });
    petit.origin.push({ ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n" });
    await petit.fetch();
    const { folder } = await checkOut(petit.repository, petit.commits, id);
    expect(readFileSync(join(folder, "data.bin"), "utf8")).toBe(pointer);
  });
});

describe("a commit", () => {
  test("is written again after git was killed while it was written", async () => {
    using dir = tempDir();
    // The second time that git reads files, it dies.
    writeFileSync(
      dir.file("git"),
      `#!/bin/sh
case "$*" in *"cat-file --batch")
  if [ -e ${dir.file("first")} ] && [ ! -e ${dir.file("second")} ]; then touch ${dir.file("second")}; kill -9 $$; fi
  touch ${dir.file("first")}
esac
exec ${GIT} "$@"
`,
      { mode: 0o755 },
    );
    using petit = setUp({ path: `${dir.path}:${process.env.PATH}` });
    const { origin, repository, commits } = petit;
    const large = "x".repeat(6 * 2 ** 20);
    const id = origin.push({ "a.txt": large, "b.txt": large });
    await petit.fetch();
    await expect(checkOut(repository, commits, id)).rejects.toMatchObject({ name: "GitError" });
    expect(existsSync(dir.file("second"))).toBe(true);
    expect(readdirSync(commits)).toEqual([]);
    await checkOut(repository, commits, id);
    expect(readdirSync(join(commits, id)).sort()).toEqual(["a.txt", "b.txt"]);
  });

  test("that a killed process has not finished is removed", async () => {
    using petit = setUp();
    mkdirSync(join(petit.commits, "0123.new/a"), { recursive: true });
    mkdirSync(join(petit.commits, "4567"), { recursive: true });
    chmodSync(join(petit.commits, "0123.new/a"), 0o555);
    removeDrafts(petit.commits);
    expect(readdirSync(petit.commits)).toEqual(["4567"]);
  });
});

/** A file system of 3 MiB at a folder, or null if this user can't mount one. */
const smallDisk = (folder: string): Disposable | null => {
  mkdirSync(folder);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m,mode=0700", "none", folder]).status !== 0) return null;
  return { [Symbol.dispose]: () => void spawnSync("umount", ["-l", folder]) };
};

const canMount = ((): boolean => {
  using dir = tempDir();
  using disk = smallDisk(dir.file("disk"));
  return disk !== null;
})();

describe.skipIf(!canMount)("a full disk", () => {
  test.each([
    ["the repository", 10, 3],
    ["the files of a commit", 1, 0.5],
  ])("while git or petit writes %s is said, and nothing half-written stays", async (_, mebibytes, free) => {
    using dir = tempDir();
    using _disk = smallDisk(dir.file("disk"));
    using petit = setUp({ own: dir.file("disk/git") });
    const { origin, repository, commits, copy } = petit;
    const before = origin.push({ "a.txt": "before" });
    await petit.fetch();
    await checkOut(repository, commits, before);
    const id = origin.push({ "large.txt": noise(mebibytes * 2 ** 20), "b/c.txt": "c" });
    const take = async (): Promise<void> => {
      expect(await petit.fetch()).toBe(id);
      const { bavail, bsize } = statfsSync(dir.file("disk"));
      writeFileSync(dir.file("disk/filler"), Buffer.alloc(bavail * bsize - free * 2 ** 20));
      await checkOut(repository, commits, id);
    };
    await expect(take()).rejects.toMatchObject({ fault: "disk_full" });
    expect(readdirSync(commits)).toEqual([before]);
    expect(leftoversIn(copy)).toEqual([]);
    rmSync(dir.file("disk/filler"), { force: true });
    origin.git("reset", "--quiet", "--hard", before);
    const after = origin.push({ "a.txt": "after" });
    expect(await petit.fetch()).toBe(after);
    expect(readFileSync(join((await checkOut(repository, commits, after)).folder, "a.txt"), "utf8")).toBe("after");
  });
});
