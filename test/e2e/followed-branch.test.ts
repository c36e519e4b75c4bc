import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { removeFolder } from "../../src/app/git/checkout.ts";
import { createOrigin } from "../support/git/origin.ts";
import { startWithRepository } from "../support/git/petit.ts";
import { ask, post, runToEnd } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { hasSshd, startSshd } from "../support/ssh/sshd.ts";
import { tempDir } from "../support/temp-dir.ts";
import { eventually } from "../support/torture/run.ts";

const job = (id: string, more = ""): string =>
  `id: ${id}\n${more}tasks: [{id: only, type: command, command: "true"}]\n`;

const sync = async (petit: Petit) => (await post(petit, "/api/jobs/sync")).body;

const jobsOf = async (petit: Petit): Promise<readonly string[]> =>
  (await ask(petit, "/api/jobs")).body.jobs.map(({ id }: { id: string }) => id);

const versionsOf = async (petit: Petit, id: string) => (await ask(petit, `/api/jobs/${id}/versions`)).body.versions;

/** Returns the kinds of what needs attention. */
const attentionOf = async (petit: Petit): Promise<readonly string[]> =>
  (await ask(petit, "/api/attention")).body.items.map(({ kind }: { kind: string }) => kind);

describe("a branch that petit follows", () => {
  test("that is deleted leaves the jobs as they are, until it is there again", async () => {
    await using petit = await startWithRepository({ "jobs/hello.yaml": job("hello") });
    const { origin } = petit;
    const first = (await sync(petit)).commit.id;
    origin.git("push", "--quiet", "origin", "HEAD:refs/heads/other");
    origin.git("--git-dir", origin.path, "symbolic-ref", "HEAD", "refs/heads/other");
    origin.git("--git-dir", origin.path, "update-ref", "-d", "refs/heads/main");
    expect(await sync(petit)).toMatchObject({
      commit: { id: first },
      failure: { error: "the repository has no branch or tag 'main'" },
    });
    expect((await ask(petit, "/api/health")).body.reasons).toMatchObject([
      { code: "jobs_repository_failed", in_use: first },
    ]);
    expect(await attentionOf(petit)).toEqual(["jobs_repository_failed"]);
    expect((await runToEnd(petit, "hello")).commit).toBe(first);
    const second = origin.push({ "jobs/more.yaml": job("more") });
    expect(await sync(petit)).toMatchObject({ commit: { id: second }, failure: null });
    expect(await jobsOf(petit)).toEqual(["hello", "more"]);
    expect(await attentionOf(petit)).toEqual([]);
  });

  test("whose folder of job files gets another name is refused, until it has its own again", async () => {
    await using petit = await startWithRepository({ "jobs/hello.yaml": job("hello") });
    const { origin } = petit;
    const first = (await sync(petit)).commit.id;
    origin.git("mv", "jobs", "tasks");
    const moved = origin.push({});
    const { commit, refused } = await sync(petit);
    expect({ commit: commit.id, refused: refused.commit.id }).toEqual({ commit: first, refused: moved });
    expect(refused.problems).toEqual([
      expect.objectContaining({
        file: ".",
        message:
          "the commit has no folder 'jobs'; expected the folder of the job files; without jobs, keep a .gitkeep in it",
      }),
    ]);
    expect(await jobsOf(petit)).toEqual(["hello"]);
    const status = (await ask(petit, "/api/health")).body.reasons[0].message;
    expect(status).toContain(
      `commit ${moved.slice(0, 8)} by Ada is refused: the commit has no folder 'jobs'; expected`,
    );
    origin.git("mv", "tasks", "jobs");
    const back = origin.push({});
    expect(await sync(petit)).toMatchObject({ commit: { id: back }, refused: null });
    expect(await versionsOf(petit, "hello")).toMatchObject([{ version: 1, use_count: 1 }]);
  });

  test("whose files get other names has the same jobs in the same versions", async () => {
    await using petit = await startWithRepository({ "jobs/hello.yaml": job("hello"), "jobs/more.yaml": job("more") });
    const { origin } = petit;
    origin.git("mv", "jobs/hello.yaml", "jobs/renamed.yaml");
    const moved = origin.push({});
    expect((await sync(petit)).commit.id).toBe(moved);
    expect(await versionsOf(petit, "hello")).toMatchObject([{ version: 1, use_count: 1, current: true }]);
    expect(await runToEnd(petit, "hello")).toMatchObject({ status: "completed", commit: moved });
  });

  test("with an empty commit has that one in use, and no version of a job more", async () => {
    await using petit = await startWithRepository({ "jobs/hello.yaml": job("hello") });
    const { origin } = petit;
    const first = (await sync(petit)).commit.id;
    const before = await versionsOf(petit, "hello");
    const empty = origin.push({});
    expect(origin.git("diff", "--stat", first, empty)).toBe("");
    expect(await sync(petit)).toMatchObject({ commit: { id: empty }, head: { id: empty }, refused: null });
    expect(await versionsOf(petit, "hello")).toEqual(before);
    expect((await runToEnd(petit, "hello")).commit).toBe(empty);
  });

  test("is followed over a commit with problems and its revert, which is the version before again", async () => {
    await using petit = await startWithRepository({ "jobs/hello.yaml": job("hello") });
    const { origin } = petit;
    await sync(petit);
    const bad = origin.push({ "jobs/hello.yaml": job("hello", "retires: 3\n"), "jobs/new.yaml": job("new") });
    expect((await sync(petit)).refused.commit.id).toBe(bad);
    const other = origin.push({ "jobs/hello.yaml": job("hello", "timeout: 5m\n") });
    expect((await sync(petit)).commit.id).toBe(other);
    expect(await jobsOf(petit)).toEqual(["hello", "new"]);
    const reverted = origin.push({ "jobs/hello.yaml": job("hello") });
    await sync(petit);
    expect(await versionsOf(petit, "hello")).toMatchObject([
      { version: 2, current: false },
      { version: 1, current: true, use_count: 2, uses: [{ commit: { id: reverted } }, {}] },
    ]);
  });

  test("with a commit of more than 100,000 files is refused", async () => {
    await using petit = await startWithRepository({ "jobs/hello.yaml": job("hello") });
    const { origin } = petit;
    const first = (await sync(petit)).commit.id;
    const blob = origin.git("rev-parse", "HEAD:jobs/hello.yaml");
    const list = Array.from({ length: 100_001 }, (_, n) => `100644 blob ${blob}\tf${n}\n`).join("");
    writeFileSync(`${petit.dir}/list`, list);
    const tree = origin.git("-c", "alias.many=!git mktree --missing < ../list", "many");
    const many = origin.git("commit-tree", "-m", "many", "-p", "HEAD", tree);
    origin.git("push", "--quiet", "origin", `${many}:refs/heads/main`);
    expect(await sync(petit)).toMatchObject({
      commit: { id: first },
      head: { id: many },
      refused: {
        commit: { id: many },
        problems: [{ file: ".", message: expect.stringMatching(/^the commit has more than 100000 files/) }],
      },
    });
    const next = origin.push({ "note.txt": "small again" });
    expect(await sync(petit)).toMatchObject({ commit: { id: next }, refused: null });
  });
});

test.skipIf(!hasSshd)(
  "a key that the ssh server revokes leaves petit with the commit that it has, and needs attention until it is allowed again",
  async () => {
    using dir = tempDir();
    using _commits = { [Symbol.dispose]: () => removeFolder(dir.file("petit.db-git/commits")) };
    const origin = createOrigin(dir.path);
    const first = origin.push({ "jobs/hello.yaml": job("hello") });
    await using server = await startSshd(dir.path);
    const url = `ssh://127.0.0.1:${server.port}${origin.path}`;
    const git = `{url: "${url}", path: jobs, poll: 1s, key: {file: ${server.identityFile}}, known_hosts: ${server.knownHosts}}`;
    writeFileSync(dir.file("config.yaml"), `jobs: {git: ${git}}\n`);
    await using petit = await startPetit({
      repository: url,
      dir: dir.path,
      args: ["--config", dir.file("config.yaml")],
    });
    expect((await ask(petit, "/api/job-repository")).body.commit.id).toBe(first);
    const allowed = `${server.identityFile}.pub`;
    const key = readFileSync(allowed, "utf8");
    writeFileSync(allowed, "");
    const reason = await eventually("petit is degraded", async () => {
      const { status, reasons } = (await ask(petit, "/api/health")).body;
      return status === "degraded" ? reasons[0] : null;
    });
    expect(reason).toMatchObject({ code: "jobs_repository_failed", in_use: first });
    expect(reason.message).toMatch(
      /the server refuses access; check the key or the token \(.*Permission denied .*\); [0-9a-f]{8} stays in use, and petit tries again/,
    );
    expect(await attentionOf(petit)).toEqual(["jobs_repository_failed"]);
    expect(await runToEnd(petit, "hello")).toMatchObject({ status: "completed", commit: first });
    const second = origin.push({ "jobs/more.yaml": job("more") });
    writeFileSync(allowed, key);
    await eventually("the newest commit is in use", async () =>
      (await ask(petit, "/api/job-repository")).body.commit.id === second ? true : null,
    );
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
    expect(await attentionOf(petit)).toEqual([]);
  },
);
