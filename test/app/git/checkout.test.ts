import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkOut, removeFolder } from "../../../src/app/git/checkout.ts";
import { parseLocation } from "../../../src/app/git/location.ts";
import { type Credentials, Repository } from "../../../src/app/git/repository.ts";
import { createOrigin } from "../../support/git/origin.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOBODY: Credentials = { keyFile: null, token: null, knownHosts: null, ca: null, agent: null };

/** A repository with petit's copy of it. Disposing removes both. */
const setUp = () => {
  const dir = tempDir();
  const origin = createOrigin(dir.path);
  const location = parseLocation(origin.url);
  if ("problem" in location) throw new Error(location.problem);
  const repository = new Repository({
    dir: dir.file("petit.db-git"),
    location,
    path: process.env.PATH ?? "",
    signal: new AbortController().signal,
  });
  const commits = dir.file("petit.db-git/commits");
  return {
    dir,
    origin,
    repository,
    commits,
    fetch: async (ref = "main") =>
      (await repository.fetchRef((await repository.look(ref, NOBODY)).name, NOBODY)).commit,
    [Symbol.dispose]: () => {
      removeFolder(commits);
      dir[Symbol.dispose]();
    },
  };
};

describe("a commit", () => {
  test("is written as it is stored, whatever its attributes ask for", async () => {
    using petit = setUp();
    const { origin, repository, commits } = petit;
    origin.git("config", "filter.shout.clean", "cat");
    const id = origin.push({
      ".gitattributes": "*.txt text eol=crlf ident export-subst filter=shout\n*.md filter=shout\n",
      "plain.txt": "$Id$ $Format:%H$\nline\n",
      "read.me.md": "# é\n",
      "bin/run.sh": { program: "#!/bin/sh\n" },
      "here/link": { link: "../plain.txt" },
    });
    expect(await petit.fetch()).toBe(id);
    const { folder, problems } = await checkOut(repository, commits, id);
    expect(problems).toEqual([]);
    expect(folder).toBe(join(commits, id));
    const stored = origin.git("cat-file", "blob", "HEAD:plain.txt");
    expect(readFileSync(join(folder, "plain.txt"), "utf8").trim()).toBe(stored);
    expect(readFileSync(join(folder, "read.me.md"), "utf8")).toBe("# é\n");
    expect(readlinkSync(join(folder, "here/link"))).toBe("../plain.txt");
    const modeOf = (path: string): number => lstatSync(join(folder, path)).mode & 0o777;
    expect([modeOf("plain.txt"), modeOf("bin/run.sh"), modeOf("bin"), modeOf(".")]).toEqual([
      0o444, 0o555, 0o555, 0o555,
    ]);
  });

  test("leaves out links that lead out of it, and submodules", async () => {
    using petit = setUp();
    const { origin, repository, commits, dir } = petit;
    origin.push({ a: "1" });
    origin.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", origin.path, "module");
    const id = origin.push({
      absolute: { link: "/etc/passwd" },
      above: { link: "../../outside" },
      "deep/up": { link: ".." },
      "deep/through": { link: "up/../x" },
      inside: { link: "deep/../a" },
      nowhere: { link: "missing" },
      loop: { link: "loop" },
    });
    await petit.fetch();
    const { folder, problems } = await checkOut(repository, commits, id);
    expect(problems.map(({ path }) => path).sort()).toEqual(["above", "absolute", "deep/through"]);
    expect(problems[0]?.message).toContain("is a link out of the repository");
    expect(readdirSync(folder).sort()).toEqual([".gitmodules", "a", "deep", "inside", "loop", "nowhere"]);
    expect(existsSync(dir.file("petit.db-git/home/.gitconfig"))).toBe(false);
  });

  test("is written again if its folder is not as it was", async () => {
    using petit = setUp();
    const { origin, repository, commits } = petit;
    const id = origin.push({ "a.txt": "right", "b/c.txt": "right" });
    await petit.fetch();
    const { folder } = await checkOut(repository, commits, id);
    const file = join(folder, "a.txt");
    const inode = lstatSync(file).ino;
    await checkOut(repository, commits, id);
    expect(lstatSync(file).ino).toBe(inode);
    chmodSync(file, 0o644);
    writeFileSync(file, "wrong");
    expect((await checkOut(repository, commits, id)).wasChanged).toBe(true);
    expect(readFileSync(file, "utf8")).toBe("right");
    // Of what was changed, the last four are kept for the processes that use it.
    for (let time = 0; time < 5; time++) {
      chmodSync(folder, 0o755);
      writeFileSync(join(folder, "more.txt"), "");
      await checkOut(repository, commits, id);
      expect(readdirSync(folder).sort()).toEqual(["a.txt", "b"]);
    }
    expect(readdirSync(commits).sort()).toEqual([id, ...[3, 4, 5, 6].map((number) => `${id}.changed-${number}`)]);
  });

  test("with more than 100,000 files is refused", async () => {
    using petit = setUp();
    const { origin, repository } = petit;
    const blob = origin.makeBlob("1");
    const file = (_: unknown, n: number) => ["100644", "blob", blob, `f${n}`] as const;
    origin.pushTree(origin.makeTree(Array.from({ length: 100_001 }, file)));
    const id = await petit.fetch();
    await expect(repository.list(id)).rejects.toMatchObject({ fault: "unusable_commit" });
    origin.pushTree(origin.makeTree(Array.from({ length: 100_000 }, file)));
    expect((await repository.list(await petit.fetch())).entries.length).toBe(100_000);
  });

  test.each([
    ["files", ["100644", "blob"]],
    ["empty folders", ["040000", "tree"]],
  ] as const)("with a milliard of %s in a few small trees is refused at once", async (_, [mode, type]) => {
    using petit = setUp();
    const { origin, repository } = petit;
    const leaf = type === "blob" ? origin.makeBlob("1") : origin.makeTree([]);
    const ten = (entry: readonly [string, string, string]) =>
      origin.makeTree(Array.from({ length: 10 }, (_, n) => [...entry, String(n)] as const));
    let tree = ten([mode, type, leaf]);
    for (let level = 0; level < 8; level++) tree = ten(["040000", "tree", tree]);
    origin.pushTree(tree);
    const id = await petit.fetch();
    const begin = process.cpuUsage();
    await expect(repository.list(id)).rejects.toMatchObject({
      fault: "unusable_commit",
      message: "the commit has more than 100000 files, or more than that many folders",
    });
    // A whole list of them would take minutes.
    expect(process.cpuUsage(begin).user).toBeLessThan(10_000_000);
  });

  test("leaves out what no file system takes, and says what is wrong with it", async () => {
    using petit = setUp();
    const { origin, repository, commits } = petit;
    const blob = origin.makeBlob("1");
    const file = (name: string) => ["100644", "blob", blob, name] as const;
    const link = (name: string, target: string) => ["120000", "blob", origin.makeBlob(target), name] as const;
    const within = (tree: string, times: number, name: string): string => {
      for (let n = 0; n < times; n++) tree = origin.makeTree([["040000", "tree", tree, name]]);
      return tree;
    };
    const id = origin.pushTree(
      origin.makeTree([
        file("é".repeat(128)),
        file("fits".repeat(63)),
        link("empty", ""),
        link("long", "x".repeat(8_192)),
        ["040000", "tree", within(origin.makeTree([file("f")]), 200, "d"), "deep"],
        ["040000", "tree", within(origin.makeTree([file("f")]), 20, "w".repeat(200)), "wide"],
      ]),
    );
    await petit.fetch();
    const { folder, problems } = await checkOut(repository, commits, id);
    expect(Object.fromEntries(problems.map(({ path, message }) => [path.slice(0, 5), message]))).toEqual({
      ééééé: "has a name of 256 bytes; at most 255 are allowed",
      empty: "is a link to nothing; expected a link within the repository",
      long: "is a link to a path of 8192 bytes; at most 4095 are allowed",
      "deep/": "is in 201 folders; at most 199 are allowed",
      "wide/": "has a path of 4026 bytes; at most 3000 are allowed",
    });
    expect(problems.every(({ path }) => path.length <= 200)).toBe(true);
    expect(existsSync(join(folder, "fits".repeat(63)))).toBe(true);
  });
});

describe("a commit with a path that is too long where its folder is", () => {
  test("can't be used, and leaves nothing", async () => {
    using petit = setUp();
    const { origin, repository, commits } = petit;
    const deep = join(commits, ...Array.from({ length: 6 }, () => "p".repeat(200)));
    const id = origin.push({ [Array.from({ length: 14 }, () => "w".repeat(200)).join("/")]: "1", a: "1" });
    await petit.fetch();
    await expect(checkOut(repository, deep, id)).rejects.toMatchObject({
      fault: "unusable_commit",
      message: expect.stringMatching(/^this file system does not take the name of w+… \(ENAMETOOLONG\)$/),
    });
    expect(readdirSync(deep)).toEqual([]);
  });
});

describe("a repository", () => {
  test("has the branch, the tag or the commit of a name", async () => {
    using petit = setUp();
    const { origin, repository } = petit;
    const first = origin.push({ a: "1" });
    origin.git("tag", "--annotate", "--message", "a tag", "v1");
    origin.git("push", "--quiet", "origin", "v1");
    const second = origin.push({ a: "2" }, { author: "Grace" });
    expect(await petit.fetch("v1")).toBe(first);
    expect(await petit.fetch("refs/heads/main")).toBe(second);
    expect(await repository.find(first.slice(0, 8))).toBe(first);
    expect(await repository.describe(second)).toMatchObject({ author: "Grace", subject: "a change" });
    await expect(repository.find("0000000")).rejects.toMatchObject({ fault: "no_such_commit" });
    await expect(petit.fetch("gone")).rejects.toMatchObject({ fault: "no_such_ref" });
  });

  test("follows a branch that was pushed with force, and keeps the commits that are named", async () => {
    using petit = setUp();
    const { origin, repository } = petit;
    const first = origin.push({ a: "1" });
    const second = origin.push({ a: "2" });
    await petit.fetch();
    await repository.keep(new Set([second]));
    origin.git("reset", "--quiet", "--hard", first);
    const third = origin.push({ a: "3" });
    expect(await petit.fetch()).toBe(third);
    expect(await repository.find(second)).toBe(second);
    await repository.keep(new Set([third]));
    expect((await repository.describe(third)).id).toBe(third);
  });

  test.each([
    ["file:///nowhere/at/all", "no_repository"],
    ["https://127.0.0.1:1/jobs.git", "unreachable"],
    ["ssh://git@127.0.0.1:1/jobs.git", "unreachable"],
  ])("says what is wrong with %s", async (url, fault) => {
    using dir = tempDir();
    const location = parseLocation(url);
    if ("problem" in location) throw new Error(location.problem);
    const repository = new Repository({
      dir: dir.file("git"),
      location,
      path: process.env.PATH ?? "",
      signal: new AbortController().signal,
    });
    await expect(repository.look("main", NOBODY)).rejects.toMatchObject({ fault });
  });

  test("needs git", async () => {
    using dir = tempDir();
    const location = { url: "file:///x", transport: "file" } as const;
    const repository = new Repository({
      dir: dir.file("git"),
      location,
      path: dir.path,
      signal: new AbortController().signal,
    });
    await expect(repository.look("main", NOBODY)).rejects.toMatchObject({ fault: "no_git" });
  });
});
