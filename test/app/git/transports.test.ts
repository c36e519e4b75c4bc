import { describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkOut, removeFolder } from "../../../src/app/git/checkout.ts";
import { parseLocation } from "../../../src/app/git/location.ts";
import { type Credentials, LIMITS, Repository } from "../../../src/app/git/repository.ts";
import { serveTcp } from "../../support/engine/test-server.ts";
import { repositoriesOf, serveGit } from "../../support/git/https.ts";
import { createOrigin } from "../../support/git/origin.ts";
import { hasSshd, startSshd } from "../../support/ssh/sshd.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOBODY: Credentials = { keyFile: null, token: null, knownHosts: null, ca: null, agent: null };

const TOKEN = "ghp_9hTqXw2mVbPz";

const setUp = () => {
  const dir = tempDir();
  return {
    dir,
    origin: createOrigin(dir.path),
    own: dir.file("petit.db-git"),
    open: (url: string, lookMs = LIMITS.lookMs): Repository => {
      const location = parseLocation(url);
      if ("problem" in location) throw new Error(location.problem);
      return new Repository({
        dir: dir.file("petit.db-git"),
        location,
        path: process.env.PATH ?? "",
        signal: new AbortController().signal,
        limits: { ...LIMITS, lookMs },
      });
    },
    [Symbol.dispose]: () => {
      removeFolder(dir.file("commits"));
      dir[Symbol.dispose]();
    },
  };
};

const fetchMain = async (repository: Repository, credentials: Credentials): Promise<string> =>
  (await repository.fetchRef((await repository.look("main", credentials)).name, credentials)).commit;

/** Returns the files below a folder whose content has a text. */
const filesWith = (folder: string, text: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => readFileSync(path).includes(text));

/** Returns the command lines of this machine that have a text. */
const commandsWith = (text: string): readonly string[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    })
    .filter((line) => line.includes(text));

describe.skipIf(!hasSshd)("a repository over ssh", () => {
  test("is read with the right key, and refused with another one or from a server that is not known", async () => {
    using given = setUp();
    const { dir, origin } = given;
    await using server = await startSshd(dir.path);
    const id = origin.push({ "a.txt": "one" });
    const repository = given.open(`ssh://127.0.0.1:${server.port}${origin.path}`);
    const right = { ...NOBODY, keyFile: server.identityFile, knownHosts: server.knownHosts };
    expect(await fetchMain(repository, right)).toBe(id);
    const { folder } = await checkOut(repository, dir.file("commits"), id);
    expect(readFileSync(join(folder, "a.txt"), "utf8")).toBe("one");
    const look = (credentials: Credentials) => repository.look("main", credentials);
    await expect(look({ ...right, keyFile: server.strangerFile })).rejects.toMatchObject({
      fault: "access_refused",
      message: expect.stringContaining("Permission denied (publickey"),
    });
    writeFileSync(dir.file("nobody"), "");
    await expect(look({ ...right, knownHosts: dir.file("nobody") })).rejects.toMatchObject({
      fault: "unknown_host_key",
      message: expect.stringMatching(/^the server is not in the file of known hosts; .*No ED25519 host key is known/),
    });
    const stranger = readFileSync(`${server.strangerFile}.pub`, "utf8");
    writeFileSync(dir.file("other"), `[127.0.0.1]:${server.port} ${stranger}`);
    await expect(look({ ...right, knownHosts: dir.file("other") })).rejects.toMatchObject({
      fault: "changed_host_key",
      message: expect.stringMatching(/^the server has another host key than in the file of known hosts/),
    });
    expect(readFileSync(dir.file("other"), "utf8")).toBe(`[127.0.0.1]:${server.port} ${stranger}`);
    const open = dir.file("open");
    copyFileSync(server.identityFile, open);
    chmodSync(open, 0o644);
    await expect(look({ ...right, keyFile: open })).rejects.toMatchObject({ fault: "access_refused" });
    await expect(given.open(`ssh://127.0.0.1:${server.port}/nowhere.git`).look("main", right)).rejects.toMatchObject({
      fault: "no_repository",
    });
  });

  test("is read again after the server was away", async () => {
    using given = setUp();
    const { dir, origin } = given;
    const id = origin.push({ "a.txt": "one" });
    const first = await startSshd(dir.path);
    const repository = given.open(`ssh://127.0.0.1:${first.port}${origin.path}`);
    const right = { ...NOBODY, keyFile: first.identityFile, knownHosts: first.knownHosts };
    await first[Symbol.asyncDispose]();
    await expect(repository.look("main", right)).rejects.toMatchObject({ fault: "unreachable" });
    await using _again = await startSshd(dir.path, first.port);
    expect(await fetchMain(repository, right)).toBe(id);
  });

  test("that does not answer is given up in time, and its ssh is ended", async () => {
    using given = setUp();
    await using silent = await serveTcp(() => {});
    const repository = given.open(`ssh://git@127.0.0.1:${silent.port}/jobs.git`, 700);
    await expect(repository.look("main", NOBODY)).rejects.toMatchObject({
      fault: "timed_out",
      message: "git did not end within 0.7 s",
    });
    expect(commandsWith(`\0${silent.port}\0`)).toEqual([]);
  });
});

describe("a repository over https", () => {
  test("is read with the right token, which nothing shows and nothing keeps", async () => {
    using given = setUp();
    const { dir, origin, own } = given;
    const id = origin.push({ "a.txt": "one" });
    const serve = repositoriesOf(dir.path, TOKEN);
    const seen: string[] = [];
    let commands = 0;
    await using server = await serveGit(dir, (request, response) => {
      seen.push(...commandsWith(TOKEN));
      commands += commandsWith("ls-remote").length + commandsWith("remote-https").length;
      serve(request, response);
    });
    const repository = given.open(`${server.origin}/origin.git`);
    expect(await fetchMain(repository, { ...NOBODY, ca: server.caFile, token: TOKEN })).toBe(id);
    expect(commands).toBeGreaterThan(0);
    expect(seen).toEqual([]);
    expect(filesWith(own, TOKEN)).toEqual([]);
    expect(readFileSync(join(own, "repository/config"), "utf8")).not.toContain("localhost");
  });

  test.each([
    ["another token", "wrong", "access_refused", "the server refuses access; check the key or the token"],
    ["no token", null, "access_refused", "the server refuses access; check the key or the token"],
  ] as const)("is refused with %s, in a sentence without it", async (_, token, fault, sentence) => {
    using given = setUp();
    given.origin.push({ "a.txt": "one" });
    await using server = await serveGit(given.dir, repositoriesOf(given.dir.path, TOKEN));
    const repository = given.open(`${server.origin}/origin.git`);
    const refusal = await repository
      .look("main", { ...NOBODY, ca: server.caFile, token })
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ fault, message: expect.stringContaining(sentence) });
    expect(String(refusal)).not.toContain("wrong");
  });

  test("is not read from a server whose authority is not known", async () => {
    using given = setUp();
    await using server = await serveGit(given.dir, repositoriesOf(given.dir.path, null));
    const repository = given.open(`${server.origin}/origin.git`);
    await expect(repository.look("main", NOBODY)).rejects.toMatchObject({ fault: "untrusted_certificate" });
    await expect(repository.look("main", { ...NOBODY, ca: given.dir.file("missing.pem") })).rejects.toMatchObject({
      fault: "untrusted_certificate",
    });
  });

  test("is not followed to another URL, which gets no token", async () => {
    using given = setUp();
    const asked: string[] = [];
    await using server = await serveGit(given.dir, (request, response) => {
      asked.push(request.url ?? "");
      response.writeHead(302, { location: (request.url ?? "").replace("origin", "other") }).end();
    });
    const repository = given.open(`${server.origin}/origin.git`);
    await expect(repository.look("main", { ...NOBODY, ca: server.caFile, token: TOKEN })).rejects.toMatchObject({
      fault: "redirected",
    });
    expect(asked).toEqual(["/origin.git/info/refs?service=git-upload-pack"]);
  });

  test("that is not there, fails, or does not answer is told apart", async () => {
    using given = setUp();
    await using server = await serveGit(given.dir, (_, response) => response.writeHead(404).end());
    const credentials = { ...NOBODY, ca: server.caFile };
    const repository = given.open(`${server.origin}/origin.git`, 700);
    await expect(repository.look("main", credentials)).rejects.toMatchObject({ fault: "no_repository" });
    // What a proxy may put in place of an answer.
    server.respond = (_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html><title>Log in</title></html>");
    await expect(repository.look("main", credentials)).rejects.toMatchObject({
      fault: "no_such_ref",
      message:
        "the repository has no branch or tag 'main', and none that is its head; expected the URL of a repository with commits",
    });
    server.respond = (_, response) => response.writeHead(503).end();
    await expect(repository.look("main", credentials)).rejects.toMatchObject({ fault: "unreachable" });
    server.respond = () => {};
    await expect(repository.look("main", credentials)).rejects.toMatchObject({ fault: "timed_out" });
    server.respond = repositoriesOf(given.dir.path, null);
    const id = given.origin.push({ "a.txt": "one" });
    expect((await repository.look("main", credentials)).id).toBe(id);
  });
});
