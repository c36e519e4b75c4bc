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
    await checkOut(repository, commits, id);
    expect(readFileSync(file, "utf8")).toBe("right");
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, "more.txt"), "");
    await checkOut(repository, commits, id);
    expect(readdirSync(folder).sort()).toEqual(["a.txt", "b"]);
    expect(readdirSync(commits)).toEqual([id]);
  });

  test("with more than 100,000 files is refused", async () => {
    using petit = setUp();
    const { origin, repository } = petit;
    origin.push({ a: "1" });
    const blob = origin.git("rev-parse", "HEAD:a");
    const list = Array.from({ length: 100_001 }, (_, n) => `100644 blob ${blob}\tf${n}`).join("\n");
    writeFileSync(petit.dir.file("list"), `${list}\n`);
    const tree = origin.git("-c", "alias.many=!git mktree --missing < ../list", "many");
    origin.git(
      "push",
      "--quiet",
      "--force",
      "origin",
      `${origin.git("commit-tree", "-m", "many", tree)}:refs/heads/main`,
    );
    const id = await petit.fetch();
    await expect(repository.list(id)).rejects.toMatchObject({ fault: "too_large" });
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
