import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder } from "../../src/app/git/checkout.ts";
import { petit as runPetit } from "../support/cli.ts";
import { repositoriesOf, serveGit } from "../support/git/https.ts";
import { createOrigin, type Origin } from "../support/git/origin.ts";
import { ask, post, runToEnd, start } from "../support/petit/api.ts";
import { type Petit, type StartOptions, startPetit } from "../support/petit/petit.ts";
import { tempDir } from "../support/temp-dir.ts";
import { endOf, eventually } from "../support/torture/run.ts";

const JOB = `id: number
tasks:
  - id: say
    type: command
    command: ../scripts/say.sh
    working_dir: .
`;

const script = (text: string) => ({ program: `#!/bin/sh\n${text}\n` });

/** A petit whose job files are in the folder jobs of a repository. Disposing removes all. */
const setUp = () => {
  const dir = tempDir();
  const origin = createOrigin(dir.path);
  return {
    origin,
    dir: dir.path,
    start: async (options: StartOptions = {}): Promise<Petit> =>
      await startPetit({
        repository: origin.url,
        dir: dir.path,
        ...options,
        args: ["--jobs-git-path", "jobs", "--jobs-git-poll", "1h", ...(options.args ?? [])],
      }),
    commits: dir.file("petit.db-git/commits"),
    [Symbol.dispose]: () => {
      removeFolder(dir.file("petit.db-git/commits"));
      dir[Symbol.dispose]();
    },
  };
};

const linesOf = async (petit: Petit, runId: string): Promise<string> =>
  await (await petit.fetch(`/api/runs/${runId}/logs`)).text();

const pushNumber = (origin: Origin, number: number): string =>
  origin.push({
    "jobs/number.yaml": JOB,
    "scripts/say.sh": script(`echo number ${number}`),
    "numbers.txt": String(number),
  });

describe("job files in a git repository", () => {
  test("give each run the scripts of its commit, also over kills and while the next commit is taken", async () => {
    using given = setUp();
    const { origin } = given;
    const numbers = new Map<string, number>();
    numbers.set(pushNumber(origin, 0), 0);
    let petit = await given.start();
    const runIds: string[] = [];
    for (let number = 1; number <= 8; number++) {
      numbers.set(pushNumber(origin, number), number);
      const syncing = post(petit, "/api/jobs/sync").catch(() => null);
      runIds.push(await start(petit, "number"));
      if (number % 3 === 0) {
        await petit.kill();
        await syncing;
        petit = await given.start();
      } else await syncing;
      runIds.push(await start(petit, "number"));
    }
    await using last = petit;
    await post(last, "/api/jobs/sync");
    runIds.push(await start(last, "number"));
    const said: (readonly [string, number | undefined])[] = [];
    for (const runId of runIds) {
      const run = await endOf(last, runId);
      // A kill can end an attempt, but not run another script.
      if (run.status !== "completed") continue;
      said.push([(await linesOf(last, runId)).trim(), numbers.get(run.commit ?? "")]);
    }
    expect(said.filter(([text, number]) => text !== `number ${number}`)).toEqual([]);
    expect(said.at(-1)).toEqual(["number 8", 8]);
    expect(said.length).toBeGreaterThan(10);
  });

  test("take a commit as a whole or not at all, and say what is wrong with it and who made it", async () => {
    using given = setUp();
    const { origin } = given;
    const good = pushNumber(origin, 1);
    await using petit = await given.start();
    const bad = origin.push(
      { "jobs/more.yaml": "id: more\ntaks: []\n", "jobs/new.yaml": JOB.replace("number", "fresh") },
      { author: "Grace" },
    );
    const { body } = await post(petit, "/api/jobs/sync");
    expect(body).toMatchObject({
      commit: { id: good },
      head: { id: bad },
      refused: { commit: { id: bad, author: "Grace" } },
    });
    expect(body.refused.problems[0]).toMatchObject({ file: "more.yaml", line: 2 });
    expect((await ask(petit, "/api/jobs")).body.jobs.map(({ id }: { id: string }) => id)).toEqual(["number"]);
    const health = (await ask(petit, "/api/health")).body;
    expect(health).toMatchObject({
      status: "degraded",
      reasons: [{ code: "jobs_commit_refused", commit: bad, author: "Grace", in_use: good }],
    });
    expect(health.reasons[0].message).toContain(`${good.slice(0, 8)} stays in use`);
    const mended = origin.push({ "jobs/more.yaml": null });
    expect((await post(petit, "/api/jobs/sync")).body).toMatchObject({ commit: { id: mended }, refused: null });
    expect((await ask(petit, "/api/jobs")).body.jobs.map(({ id }: { id: string }) => id)).toEqual(["fresh", "number"]);
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
  });

  test("let nobody write control characters to a terminal, or sentences without end", async () => {
    using given = setUp();
    const { origin } = given;
    const hidden = "\u001b]0;x\u0007\u001b[2J\u202e";
    const by = { author: `Eve${hidden}`, message: `a change${hidden} ${"on ".repeat(10_000)}` };
    const good = origin.push({ "jobs/number.yaml": JOB, "scripts/say.sh": script("echo 1") }, by);
    await using petit = await given.start();
    const { id: runId } = await runToEnd(petit, "number");
    await post(petit, "/api/jobs/sync");
    const bad = origin.push(
      {
        [`jobs/bad${hidden}.yaml`]: "id: bad\n",
        [`jobs/${hidden}${"l".repeat(200)}`]: { link: `/${hidden}${"l".repeat(2_000)}` },
      },
      by,
    );
    const commands = [
      ["jobs", "sync"],
      ["jobs", "source"],
      ["jobs", "diff"],
      ["jobs", "pin", bad],
      ["jobs", "history", "number"],
      ["status"],
      ["status", runId],
      ["ack"],
      ["doctor"],
      ["list"],
    ];
    for (const command of commands) {
      const { stdout, stderr } = await runPetit([...command, "--url", petit.url]);
      const text = `${stdout}${stderr}`;
      expect([command.join(" "), text.match(/[^\P{Cc}\n]|\u202e/gu)]).toEqual([command.join(" "), null]);
      expect([command.join(" "), text.split("\n").filter((line) => line.length > 1_000)]).toEqual([
        command.join(" "),
        [],
      ]);
    }
    expect((await ask(petit, "/api/job-repository")).body).toMatchObject({
      commit: { id: good, author: String.raw`Eve\u{1b}]0;x\u{7}\u{1b}[2J\u{202e}` },
      refused: { commit: { id: bad, subject: expect.stringMatching(/^.{199}…$/) } },
    });
  });

  test("that are refused are known at once after a restart, since the same time, and until a good commit", async () => {
    using given = setUp();
    const { origin } = given;
    const good = pushNumber(origin, 1);
    const reasonsOf = async (petit: Petit) => (await ask(petit, "/api/health")).body.reasons;
    const before = await given.start();
    const bad = origin.push({ "jobs/number.yaml": "id: number\n" });
    const { refused } = (await post(before, "/api/jobs/sync")).body;
    expect(await reasonsOf(before)).toMatchObject([{ code: "jobs_commit_refused", since: refused.since }]);
    await before.stop();
    renameSync(origin.path, `${origin.path}.away`);
    const offline = await given.start();
    expect((await ask(offline, "/api/job-repository")).body).toMatchObject({ commit: { id: good }, refused });
    expect(refused.commit.id).toBe(bad);
    renameSync(`${origin.path}.away`, origin.path);
    expect((await post(offline, "/api/jobs/sync")).body.refused).toEqual(refused);
    const third = pushNumber(origin, 3);
    expect((await post(offline, "/api/jobs/sync")).body).toMatchObject({ commit: { id: third }, refused: null });
    await offline.stop();
    await using petit = await given.start();
    expect((await ask(petit, "/api/job-repository")).body).toMatchObject({ commit: { id: third }, refused: null });
  });

  test("stay as they are, and healthy, if somebody chooses a commit that has problems or no folder of them", async () => {
    using given = setUp();
    const { origin } = given;
    const none = origin.push({ "README.md": "no jobs" });
    const broken = origin.push({ "jobs/number.yaml": "id: number\n" });
    const good = pushNumber(origin, 1);
    await using petit = await given.start();
    await post(petit, "/api/jobs/sync");
    const pin = (commit: string) => runPetit(["jobs", "pin", commit, "--url", petit.url]);
    expect((await pin(broken)).stderr).toContain(
      `commit ${broken.slice(0, 8)} can't be used: number.yaml:1:1: tasks: missing`,
    );
    // A problem of the commit as a whole has no place in a file.
    const { status, stderr } = await pin(none);
    expect(stderr).toContain(`commit ${none.slice(0, 8)} can't be used: the commit has no folder 'jobs'; expected`);
    expect(status).toBe(1);
    const diff = await runPetit(["jobs", "diff", none, "--url", petit.url]);
    expect(diff.stdout).toContain("\n  the commit has no folder 'jobs'; expected");
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
    expect((await ask(petit, "/api/job-repository")).body).toMatchObject({
      commit: { id: good },
      pinned: null,
      refused: null,
    });
    // A commit that was refused before stays so.
    const bad = origin.push({ "jobs/number.yaml": "id: number\nname: bad\n" });
    await post(petit, "/api/jobs/sync");
    await pin(broken);
    expect((await ask(petit, "/api/job-repository")).body.refused.commit.id).toBe(bad);
  });

  test("stay as they are when their folder is gone, and are none, with a warning, when it has another file", async () => {
    using given = setUp();
    const { origin } = given;
    const first = pushNumber(origin, 1);
    await using petit = await given.start();
    const sync = async () => (await post(petit, "/api/jobs/sync")).body;
    const listed = async () => (await ask(petit, "/api/jobs")).body.jobs.length;
    // After the fetch that petit begins with, which would take the next commit, too.
    await sync();
    const message = expect.stringContaining("the commit has no folder 'jobs'");
    const refused = { commit: { id: first }, refused: { problems: [{ message }] } };
    origin.push({ "jobs/number.yaml": null });
    expect(await sync()).toMatchObject(refused);
    expect(await listed()).toBe(1);
    origin.push({ jobs: "a file" });
    expect(await sync()).toMatchObject(refused);
    origin.push({ jobs: { link: "/" } });
    expect((await sync()).refused.problems[0].message).toContain("is a link out of the repository");
    const emptied = origin.push({ jobs: null, "jobs/.gitkeep": "" });
    const diff = await runPetit(["jobs", "diff", "main", "--url", petit.url]);
    expect(diff).toMatchObject({ status: 1, stdout: expect.stringContaining("1 job removed") });
    expect(await sync()).toMatchObject({ commit: { id: emptied }, refused: null });
    expect(await listed()).toBe(0);
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
    await eventually("the warning", () => (petit.stderr().includes("the commit has no job file") ? true : null));
    const again = origin.push({ "jobs/number.yaml": JOB });
    expect(await sync()).toMatchObject({ commit: { id: again }, refused: null });
    expect(await listed()).toBe(1);
  });

  test("start without the repository as they were, and a retry uses the commit of its run", async () => {
    using given = setUp();
    const { origin } = given;
    const first = origin.push({ "jobs/number.yaml": JOB, "scripts/say.sh": script("echo number 1; exit 1") });
    const before = await given.start();
    const run = await runToEnd(before, "number");
    const second = pushNumber(origin, 2);
    await post(before, "/api/jobs/sync");
    expect(readdirSync(given.commits)).toEqual([second]);
    await before.stop();
    renameSync(origin.path, `${origin.path}.away`);
    await using petit = await given.start();
    expect((await ask(petit, "/api/job-repository")).body.commit.id).toBe(second);
    await post(petit, "/api/jobs/sync");
    expect((await ask(petit, "/api/health")).body.reasons).toMatchObject([
      { code: "jobs_repository_failed", in_use: second },
    ]);
    const retried = await post(petit, `/api/runs/${run.id}/retry`);
    const again = await endOf(petit, retried.body.run_id);
    expect(again).toMatchObject({ status: "failed", commit: first });
    expect(await linesOf(petit, again.id)).toContain("number 1");
    const newest = await post(petit, `/api/runs/${run.id}/retry`, { latest: true });
    expect(await endOf(petit, newest.body.run_id)).toMatchObject({
      status: "completed",
      commit: second,
    });
  });

  test("stay at a commit that was chosen, over a restart, until the newest is followed again", async () => {
    using given = setUp();
    const { origin } = given;
    const first = pushNumber(origin, 1);
    const second = pushNumber(origin, 2);
    const before = await given.start();
    const pinned = await runPetit(["jobs", "pin", first.slice(0, 8), "--url", before.url]);
    expect(pinned).toMatchObject({ status: 0, stdout: expect.stringContaining(first.slice(0, 8)) });
    expect((await runToEnd(before, "number")).commit).toBe(first);
    await before.stop();
    await using petit = await given.start();
    expect((await post(petit, "/api/jobs/sync")).body).toMatchObject({
      commit: { id: first },
      head: { id: second },
      pinned: first,
    });
    expect((await post(petit, "/api/jobs/pin", { commit: "0000000" })).status).toBe(404);
    expect((await post(petit, "/api/jobs/pin", { commit: "main" })).status).toBe(400);
    expect((await runPetit(["jobs", "follow", "--url", petit.url])).status).toBe(0);
    expect((await runToEnd(petit, "number")).commit).toBe(second);
  });

  test("have the files of a commit again after somebody changed them", async () => {
    using given = setUp();
    const { origin } = given;
    const id = pushNumber(origin, 1);
    const before = await given.start();
    await before.stop();
    const path = join(given.commits, id, "scripts/say.sh");
    chmodSync(path, 0o755);
    writeFileSync(path, "#!/bin/sh\necho wrong\n");
    await using petit = await given.start();
    const run = await runToEnd(petit, "number");
    expect(await linesOf(petit, run.id)).toContain("number 1");
  });

  test.each([
    ["a branch that is not there", ["--jobs-git-ref", "gone"], "no branch or tag 'gone'"],
    ["an option for git", ["--jobs-git-ref=--upload-pack=id"], "expected the name of a branch or a tag"],
  ])("end the start for %s", async (_, args, text) => {
    using given = setUp();
    pushNumber(given.origin, 1);
    const found = await runPetit(["run", "--db", join(given.dir, "petit.db"), "--jobs-git", given.origin.url, ...args]);
    expect(found).toMatchObject({ status: 2, stderr: expect.stringContaining(text) });
    expect(existsSync(join(given.dir, "petit.db-git/commits"))).toBe(false);
  });

  test("are refused without a database file, and beside a folder", async () => {
    const inMemory = await runPetit(["run", "--db", ":memory:", "--jobs-git", "file:///srv/jobs.git"]);
    expect(inMemory).toMatchObject({ status: 2, stderr: expect.stringContaining("need a database file") });
    const both = await runPetit(["run", "jobs", "--jobs-git", "file:///srv/jobs.git"]);
    expect(both).toMatchObject({ status: 2, stderr: expect.stringContaining("expected one of them") });
  });

  test("are edited in the repository: --edit ends the start, and the routes of the editor refuse", async () => {
    using given = setUp();
    pushNumber(given.origin, 1);
    const db = join(given.dir, "petit.db");
    const editing = await runPetit(["run", "--db", db, "--jobs-git", given.origin.url, "--edit"]);
    expect(editing).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("editing (--edit) is for job files in a folder"),
    });
    await using petit = await given.start();
    expect(await ask(petit, "/api/job-files")).toMatchObject({
      status: 409,
      body: {
        error: "the job files are in a git repository; edit them there, and petit takes the commit",
        details: { reason: "files_in_git" },
      },
    });
  });

  test("are read over https with a token that the log does not show, until the server revokes it", async () => {
    using given = setUp();
    const { origin, dir } = given;
    const first = pushNumber(origin, 1);
    const serve = repositoriesOf(dir, "s3cret-t0ken");
    await using server = await serveGit(
      { path: dir, file: (name) => join(dir, name), [Symbol.dispose]: () => {} },
      serve,
    );
    const url = `${server.origin}/origin.git`;
    const config = join(dir, "config.yaml");
    writeFileSync(config, `jobs: {git: {url: "${url}", token: {env: GIT_TOKEN}, ca: ca.pem}}\n`);
    await using petit = await given.start({
      repository: url,
      args: ["--config", config, "--log-level", "debug"],
      env: { GIT_TOKEN: "s3cret-t0ken" },
    });
    expect((await ask(petit, "/api/job-repository")).body).toMatchObject({ commit: { id: first }, failure: null });
    server.respond = repositoriesOf(dir, "another");
    pushNumber(origin, 2);
    const refused = (await post(petit, "/api/jobs/sync")).body;
    expect(refused).toMatchObject({
      commit: { id: first },
      failure: { error: expect.stringContaining("the server refuses access") },
    });
    server.respond = serve;
    const third = pushNumber(origin, 3);
    expect((await post(petit, "/api/jobs/sync")).body).toMatchObject({ commit: { id: third }, failure: null });
    expect(petit.stderr()).not.toContain("s3cret");
  });

  test("are fetched from a slow server as long as it takes with --wait, and go on to be fetched without it", async () => {
    using given = setUp();
    const { origin, dir } = given;
    pushNumber(origin, 1);
    const serve = repositoriesOf(dir, null);
    await using server = await serveGit(
      { path: dir, file: (name) => join(dir, name), [Symbol.dispose]: () => {} },
      serve,
    );
    const url = `${server.origin}/origin.git`;
    const config = join(dir, "config.yaml");
    writeFileSync(config, `jobs: {git: {url: "${url}", ca: ca.pem}}\n`);
    await using petit = await given.start({ repository: url, args: ["--config", config] });
    await post(petit, "/api/jobs/sync");
    const second = pushNumber(origin, 2);
    // Longer than a connection may be idle, and shorter each time than git waits.
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    let slow = 2;
    server.respond = (request, response) => {
      resolve();
      if (request.method === "GET" && slow-- > 0) setTimeout(() => serve(request, response), 18_000);
      else serve(request, response);
    };
    const sync = (...flags: readonly string[]) => runPetit(["jobs", "sync", ...flags, "--json", "--url", petit.url]);
    const waiting = sync("--wait");
    await asked;
    expect(await sync()).toEqual({
      status: 1,
      stdout: "",
      stderr: expect.stringContaining("petit is still fetching"),
    });
    const { status, stdout, stderr } = await waiting;
    expect({ status, stderr, commit: JSON.parse(stdout).commit.id }).toEqual({ status: 0, stderr: "", commit: second });
  }, 90_000);

  test("are those of the commit before after petit was killed while it fetched, or wrote the files of the next", async () => {
    using given = setUp();
    const { origin, dir } = given;
    const first = pushNumber(origin, 1);
    const serve = repositoriesOf(dir, null);
    await using server = await serveGit(
      { path: dir, file: (name) => join(dir, name), [Symbol.dispose]: () => {} },
      serve,
    );
    const url = `${server.origin}/origin.git`;
    const config = join(dir, "config.yaml");
    writeFileSync(config, `jobs: {git: {url: "${url}", ca: ca.pem}}\n`);
    const options = { repository: url, args: ["--config", config] };
    const fetching = await given.start(options);
    const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`files/${n % 50}/${n}.txt`, `${n}`]));
    origin.push({ ...many, "scripts/say.sh": script("echo number 2") });
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    server.respond = (request, response) => {
      if (request.method === "GET") serve(request, response);
      else resolve();
    };
    void post(fetching, "/api/jobs/sync").catch(() => null);
    await asked;
    await fetching.kill();
    server.respond = (_, response) => response.writeHead(503).end();
    const writing = await given.start(options);
    expect((await ask(writing, "/api/job-repository")).body.commit.id).toBe(first);
    server.respond = serve;
    void post(writing, "/api/jobs/sync").catch(() => null);
    await eventually("the files are written", () =>
      readdirSync(given.commits).some((name) => name.endsWith(".new")) ? true : null,
    );
    await writing.kill();
    await using petit = await given.start(options);
    expect(readdirSync(given.commits).filter((name) => name.endsWith(".new"))).toEqual([]);
    const { commit } = (await post(petit, "/api/jobs/sync")).body;
    expect(commit.id).not.toBe(first);
    expect(await linesOf(petit, (await runToEnd(petit, "number")).id)).toContain("number 2");
  });

  test("are refused if no allowed signer has signed the commit, until one is allowed", async () => {
    using given = setUp();
    const { origin, dir } = given;
    const makeKey = (name: string): string => {
      const path = join(dir, name);
      expect(spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]).status).toBe(0);
      return readFileSync(`${path}.pub`, "utf8");
    };
    const [ada, eve] = [makeKey("ada"), makeKey("eve")];
    const signers = join(dir, "signers");
    writeFileSync(signers, `ada@example.com ${ada}`);
    const config = join(dir, "config.yaml");
    writeFileSync(config, `jobs: {git: {url: "${origin.url}", verify: signers}}\n`);
    const signWith = (name: string | null): void => {
      origin.git("config", "gpg.format", "ssh");
      origin.git("config", "commit.gpgSign", String(name !== null));
      origin.git("config", "user.signingKey", join(dir, `${name}.pub`));
    };
    const sync = async (petit: Petit) => (await post(petit, "/api/jobs/sync")).body;
    signWith("ada");
    const first = pushNumber(origin, 1);
    await using petit = await given.start({ args: ["--config", config] });
    expect(await sync(petit)).toMatchObject({ commit: { id: first }, refused: null });
    signWith(null);
    pushNumber(origin, 2);
    expect(await sync(petit)).toMatchObject({
      commit: { id: first },
      refused: { problems: [{ message: "the commit has no signature of an allowed signer" }] },
    });
    signWith("eve");
    const third = pushNumber(origin, 3);
    const refused = await sync(petit);
    expect(refused).toMatchObject({ commit: { id: first }, refused: { commit: { id: third } } });
    expect(refused.refused.problems[0].message).toMatch(
      /^the commit is signed with ED25519 key SHA256:\S+, which is not one of the allowed signers$/,
    );
    writeFileSync(signers, `eve@example.com valid-before="20200101Z" ${eve}`);
    expect((await sync(petit)).refused.problems[0].message).toMatch(
      /^the commit is signed with .* allowed signers \(line 1 of their file: key has expired: verify time .* > valid-before /,
    );
    writeFileSync(signers, `ada@example.com ${ada}`);
    expect((await post(petit, "/api/jobs/pin", { commit: third })).status).toBe(409);
    writeFileSync(signers, `ada@example.com ${ada}eve@example.com ${eve}`);
    expect(await sync(petit)).toMatchObject({ commit: { id: third }, refused: null });
    const changed = origin.git("cat-file", "commit", "HEAD").replace("a change", "another change");
    writeFileSync(join(dir, "forged"), `${changed}\n`);
    const forged = origin.git("hash-object", "-t", "commit", "-w", join(dir, "forged"));
    origin.git("push", "--quiet", "--force", "origin", `${forged}:refs/heads/main`);
    expect(await sync(petit)).toMatchObject({ commit: { id: third }, refused: { commit: { id: forged } } });
  });

  test("stay in use, but are refused and can't be chosen, if verify is new and nobody allowed has signed their commit", async () => {
    using given = setUp();
    const { origin, dir } = given;
    const first = pushNumber(origin, 1);
    const before = await given.start();
    await before.stop();
    expect(spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(dir, "ada")]).status).toBe(0);
    writeFileSync(join(dir, "signers"), `ada@example.com ${readFileSync(join(dir, "ada.pub"), "utf8")}`);
    const config = join(dir, "config.yaml");
    writeFileSync(config, `jobs: {git: {url: "${origin.url}", verify: signers}}\n`);
    const refused = {
      commit: { id: first },
      refused: { commit: { id: first }, problems: [{ message: "the commit has no signature of an allowed signer" }] },
    };
    const offline = await given.start({ args: ["--config", config, "--no-watch"] });
    const state = (await ask(offline, "/api/job-repository")).body;
    expect(state).toMatchObject(refused);
    await offline.stop();
    await using petit = await given.start({ args: ["--config", config] });
    const synced = (await post(petit, "/api/jobs/sync")).body;
    expect(synced).toMatchObject(refused);
    expect(synced.refused.since).toBe(state.refused.since);
    expect((await ask(petit, "/api/health")).body).toMatchObject({
      status: "degraded",
      reasons: [{ code: "jobs_commit_refused", commit: first, in_use: first }],
    });
    expect(await linesOf(petit, (await runToEnd(petit, "number")).id)).toBe("number 1\n");
    expect(await post(petit, "/api/jobs/pin", { commit: first })).toMatchObject({
      status: 409,
      body: { error: `commit ${first.slice(0, 8)} can't be used: the commit has no signature of an allowed signer` },
    });
    origin.git("config", "gpg.format", "ssh");
    origin.git("config", "commit.gpgSign", "true");
    origin.git("config", "user.signingKey", join(dir, "ada.pub"));
    const signed = pushNumber(origin, 2);
    expect((await post(petit, "/api/jobs/sync")).body).toMatchObject({ commit: { id: signed }, refused: null });
    expect((await post(petit, "/api/jobs/pin", { commit: signed })).status).toBe(200);
  });

  test("are compared with those of a branch, which changes nothing", async () => {
    using given = setUp();
    const { origin } = given;
    const report = (cron: string, more = ""): string =>
      `id: report\nschedule: {cron: "${cron}", timezone: UTC}\n${more}tasks: [{id: a, type: command, command: "true"}]\n`;
    const script = "id: script\ntasks: [{id: a, type: python, script: ../scripts/a.py}]\n";
    const first = origin.push({
      "jobs/report.yaml": report("0 7 1 1 *"),
      "jobs/old.yaml": report("@daily").replace("report", "old"),
      "jobs/was.yaml": report("@daily").replace("report", "was"),
      "jobs/script.yaml": script,
      "scripts/a.py": "print(1)\n",
    });
    await using petit = await given.start();
    await post(petit, "/api/jobs/sync");
    const same = await runPetit(["jobs", "diff", "--url", petit.url]);
    expect(same).toMatchObject({ status: 0, stdout: expect.stringContaining("no change") });
    const second = origin.push(
      {
        "jobs/report.yaml": report("30 6 1 1 *", "tags: [`x`]\n".replaceAll("`", '"')),
        "jobs/old.yaml": null,
        "jobs/was.yaml": report("@daily", "formerly: [was]\n").replace("report", "now"),
        "jobs/new.yaml": report("@yearly").replace("report", "new"),
        "scripts/a.py": "print(2)\n",
      },
      { branch: "later", author: "Grace" },
    );
    const { body } = await ask(petit, "/api/job-repository/diff?ref=later");
    expect(body).toMatchObject({
      commit: { id: second, author: "Grace" },
      in_use: { id: first },
      problems: [],
      added: [{ id: "new", file: "new.yaml" }],
      removed: [{ id: "old", file: "old.yaml" }],
      changed: [
        { id: "now", former_id: "was", next: null, move: null },
        {
          id: "report",
          former_id: null,
          changes: expect.arrayContaining([expect.objectContaining({ path: "schedule.cron" })]),
          move: { kind: "shifted", message: "runs 30 min earlier", shifts: [{ by_ms: -1_800_000, from: null }] },
        },
      ],
    });
    const timeOf = (at: number): string => new Date(at).toISOString().slice(5, 16);
    expect(body.changed[1].next.before.map(timeOf)).toEqual(Array(5).fill("01-01T07:00"));
    expect(body.changed[1].next.after.map(timeOf)).toEqual(Array(5).fill("01-01T06:30"));
    const text = await runPetit(["jobs", "diff", "later", "--url", petit.url]);
    expect(text.status).toBe(1);
    expect(text.stdout).toContain(
      `${second.slice(0, 8)} by Grace, compared with ${first.slice(0, 8)}: 1 job added, 1 job removed, 2 jobs changed\n`,
    );
    expect(text.stdout).toContain(
      "~ report report.yaml\n  runs 30 min earlier\n  ~ schedule.cron: 0 7 1 1 * → 30 6 1 1 *\n",
    );
    const markdown = await runPetit(["jobs", "diff", second.slice(0, 10), "--format", "markdown", "--url", petit.url]);
    expect(markdown.status).toBe(1);
    expect(markdown.stdout).toContain("### Removed\n\n- `old` in `old.yaml`, next would be: ");
    expect(markdown.stdout).toContain("- `report` in `report.yaml`\n  - **runs 30 min earlier**\n");
    expect((await ask(petit, "/api/job-repository")).body).toMatchObject({
      commit: { id: first },
      head: { id: first },
    });
    expect(readdirSync(given.commits)).toEqual([first]);
    origin.push({ "jobs/new.yaml": "id: new\n" }, { branch: "broken" });
    const broken = await runPetit(["jobs", "diff", "broken", "--url", petit.url]);
    expect(broken).toMatchObject({
      status: 2,
      stdout: expect.stringMatching(/1 problem, not taken\n {2}new\.yaml:1:1: tasks: /),
    });
    expect((await ask(petit, "/api/job-repository/diff?ref=gone")).status).toBe(404);
    expect((await ask(petit, "/api/job-repository/diff?ref=--upload-pack=id")).status).toBe(400);
  });

  test("are fetched when a webhook that is signed says so", async () => {
    using given = setUp();
    const { origin, dir } = given;
    pushNumber(origin, 1);
    const config = join(dir, "config.yaml");
    writeFileSync(join(dir, "hook.secret"), "shared\n");
    writeFileSync(
      config,
      `jobs: {git: {url: "${origin.url}", webhook: {verify: github, secret: {file: hook.secret}}}}\n`,
    );
    await using petit = await given.start({ args: ["--config", config] });
    const send = async (secret: string, event = "push"): Promise<number> => {
      const body = '{"ref": "refs/heads/main"}';
      const signature = createHmac("sha256", secret).update(body).digest("hex");
      const headers = { "x-hub-signature-256": `sha256=${signature}`, "x-github-event": event };
      return (await petit.fetch("/api/hooks/_jobs", { method: "POST", body, headers })).status;
    };
    await post(petit, "/api/jobs/sync");
    const second = pushNumber(origin, 2);
    expect(await send("wrong")).toBe(401);
    expect(await send("shared", "ping")).toBe(200);
    expect((await ask(petit, "/api/job-repository")).body.head.id).not.toBe(second);
    expect(await send("shared")).toBe(202);
    await eventually("the commit is in use", async () =>
      (await ask(petit, "/api/job-repository")).body.commit.id === second ? true : null,
    );
  });

  test("have no webhook unless the configuration names one", async () => {
    using given = setUp();
    pushNumber(given.origin, 1);
    await using petit = await given.start();
    expect((await petit.fetch("/api/hooks/_jobs", { method: "POST" })).status).toBe(404);
    const config = join(given.dir, "config.yaml");
    writeFileSync(config, `jobs: {git: {url: "${given.origin.url}", webhook: {verify: hmac, secret: {env: A}}}}\n`);
    const found = await runPetit(["run", "--db", join(given.dir, "other.db"), "--config", config]);
    expect(found).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("jobs.git.webhook.header: missing; a webhook with 'verify: hmac' needs it"),
    });
  });

  test("wait for a server that can't be reached: petit runs without jobs until then", async () => {
    using given = setUp();
    await using petit = await given.start({ repository: "https://127.0.0.1:1/jobs.git" });
    const { body } = await ask(petit, "/api/health");
    expect(body).toMatchObject({ status: "degraded", reasons: [{ code: "jobs_repository_failed", in_use: null }] });
    expect((await ask(petit, "/api/jobs")).body.jobs).toEqual([]);
  });

  test("are there as soon as the server of a petit that has none answers", async () => {
    using given = setUp();
    const { origin, dir } = given;
    const first = pushNumber(origin, 1);
    await using server = await serveGit(
      { path: dir, file: (name) => join(dir, name), [Symbol.dispose]: () => {} },
      (_, response) => response.writeHead(503).end(),
    );
    const url = `${server.origin}/origin.git`;
    const config = join(dir, "config.yaml");
    writeFileSync(config, `jobs: {git: {url: "${url}", ca: ca.pem, poll: 1s}}\n`);
    await using petit = await startPetit({
      repository: url,
      dir,
      args: ["--config", config, "--jobs-git-path", "jobs"],
    });
    expect((await ask(petit, "/api/health")).body.reasons).toMatchObject([{ code: "jobs_repository_failed" }]);
    server.respond = repositoriesOf(dir, null);
    await eventually("the commit is in use", async () =>
      (await ask(petit, "/api/job-repository")).body.commit?.id === first ? true : null,
    );
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
    expect(await linesOf(petit, (await runToEnd(petit, "number")).id)).toBe("number 1\n");
  });

  test("are fetched on SIGHUP; --no-watch looks for nothing by itself", async () => {
    using given = setUp();
    const first = pushNumber(given.origin, 1);
    await using petit = await given.start({ args: ["--no-watch"] });
    const second = pushNumber(given.origin, 2);
    expect((await ask(petit, "/api/job-repository")).body).toMatchObject({
      commit: { id: first },
      head: { id: first },
    });
    process.kill(petit.pid, "SIGHUP");
    await eventually("the newest commit", async () => {
      const { body } = await ask(petit, "/api/job-repository");
      return body.commit.id === second ? true : null;
    });
  });

  test.each([
    ["token: {file: none}", "https://localhost:1/x", /jobs\.git\.token: the file \S+\/none can't be read \(ENOENT\)/],
    ["key: {env: NO_KEY}", "git@localhost:x", /jobs\.git\.key: the variable NO_KEY is not set/],
    ["key: {file: closed}", "git@localhost:x", /jobs\.git\.key: the key has a passphrase, .*; expected one without/],
  ])("are not read with the unusable %s, and the error says which it is", async (access, url, problem) => {
    using dir = tempDir();
    expect(
      spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "a passphrase", "-f", dir.file("closed")]).status,
    ).toBe(0);
    writeFileSync(dir.file("config.yaml"), `jobs: {git: {url: "${url}", ${access}}}\n`);
    const found = await runPetit([
      "run",
      "--db",
      dir.file("petit.db"),
      "--config",
      dir.file("config.yaml"),
      "--no-api",
    ]);
    expect(found).toMatchObject({ status: 2, stderr: expect.stringMatching(problem) });
  });

  test("of a repository leave a folder alone that is used later, and a retry of their runs uses the folder", async () => {
    using given = setUp();
    pushNumber(given.origin, 1);
    const before = await given.start();
    const run = await runToEnd(before, "number");
    await before.stop();
    await using petit = await startPetit({
      dir: given.dir,
      jobs: { "number.yaml": "id: number\ntasks: [{id: say, type: shell, script: echo folder}]\n" },
    });
    const retried = await post(petit, `/api/runs/${run.id}/retry?from=start`);
    expect(await endOf(petit, retried.body.run_id)).toMatchObject({ status: "completed", commit: null });
    expect((await post(petit, "/api/jobs/sync")).status).toBe(404);
  });
});
