import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder } from "../../src/app/git/checkout.ts";
import { petit as runPetit } from "../support/cli.ts";
import { createOrigin } from "../support/git/origin.ts";
import { startWithRepository } from "../support/git/petit.ts";
import { ask, post, runToEnd } from "../support/petit/api.ts";
import { type Petit, type StartOptions, startPetit } from "../support/petit/petit.ts";
import { tempDir } from "../support/temp-dir.ts";
import { endOf } from "../support/torture/run.ts";

const JOB = `id: read
tasks: [{id: say, type: shell, working_dir: ., script: "cat n.txt"}]
`;

const filesWith = (text: string) => ({ "jobs/read.yaml": JOB, "jobs/n.txt": `${text}\n` });

const linesOf = async (petit: Petit, runId: string): Promise<string> =>
  await (await petit.fetch(`/api/runs/${runId}/logs`)).text();

const stateOf = async (petit: Petit) => (await ask(petit, "/api/job-repository")).body;

/** Changes a byte in the middle of each object of a repository. */
const damage = (repository: string): void => {
  const objects = join(repository, "objects");
  for (const path of readdirSync(objects, { recursive: true, encoding: "utf8" })) {
    if (!/^(?:pack\/.*\.pack|[0-9a-f]{2}\/[0-9a-f]+)$/.test(path)) continue;
    const full = join(objects, path);
    const bytes = readFileSync(full);
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    chmodSync(full, 0o644);
    writeFileSync(full, bytes);
  }
};

const LOSSES: readonly (readonly [string, (own: string) => void])[] = [
  ["the folders of the commits", (own) => removeFolder(join(own, "commits"))],
  ["the repository", (own) => rmSync(join(own, "repository"), { recursive: true, force: true })],
  ["all of it", (own) => removeFolder(own)],
  [
    "an object, and the folders",
    (own) => {
      damage(join(own, "repository"));
      removeFolder(join(own, "commits"));
    },
  ],
];

describe("what petit has of a repository", () => {
  test.each(LOSSES)("comes back by itself after somebody deleted or damaged %s", async (_, lose) => {
    await using petit = await startWithRepository(filesWith("one"));
    const { origin } = petit;
    const own = join(petit.dir, "petit.db-git");
    expect(await linesOf(petit, (await runToEnd(petit, "read")).id)).toBe("one\n");
    // What the start has begun has ended then.
    await post(petit, "/api/jobs/sync");
    lose(own);
    const run = await runToEnd(petit, "read");
    expect(await linesOf(petit, run.id)).toBe("one\n");
    lose(own);
    const second = origin.push(filesWith("two"));
    expect((await post(petit, "/api/jobs/sync")).body).toMatchObject({ commit: { id: second }, failure: null });
    expect(await linesOf(petit, (await runToEnd(petit, "read")).id)).toBe("two\n");
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
  });
});

const setUp = () => {
  const dir = tempDir();
  return {
    dir,
    start: (repository: string, options: StartOptions = {}): Promise<Petit> =>
      startPetit({
        repository,
        dir: dir.path,
        ...options,
        args: ["--jobs-git-path", "jobs", "--jobs-git-poll", "1h"],
      }),
    [Symbol.dispose]: () => {
      removeFolder(dir.file("petit.db-git/commits"));
      dir[Symbol.dispose]();
    },
  };
};

describe("a petit that has lost its copy of a repository and can't reach it", () => {
  test("knows its commit over starts, says why runs fail, and has all again when it can", async () => {
    using given = setUp();
    const origin = createOrigin(given.dir.path);
    const id = origin.push(filesWith("one"), { author: "Grace" });
    const before = await given.start(origin.url);
    await before.stop();
    removeFolder(given.dir.file("petit.db-git"));
    renameSync(origin.path, `${origin.path}.away`);
    const runIds: string[] = [];
    for (let start = 0; start < 2; start++) {
      const petit = await given.start(origin.url);
      expect(await stateOf(petit)).toMatchObject({ commit: { id, author: "Grace", subject: "a change" } });
      expect((await ask(petit, "/api/health")).body).toMatchObject({
        status: "degraded",
        reasons: [{ in_use: id, error: expect.stringContaining("its runs fail") }],
      });
      const run = await runToEnd(petit, "read");
      expect(run).toMatchObject({ status: "failed", commit: id });
      runIds.push(run.id);
      expect(run.error).toContain("the files of the commit can't be had: there is no repository that petit may read");
      await petit.kill();
    }
    await using petit = await given.start(origin.url);
    renameSync(`${origin.path}.away`, origin.path);
    for (const runId of runIds) {
      const { body } = await post(petit, `/api/runs/${runId}/retry`);

      expect(await endOf(petit, body.run_id)).toMatchObject({ status: "completed", commit: id });
    }
    expect((await post(petit, "/api/jobs/sync")).body).toMatchObject({ commit: { id }, failure: null });
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
  });
});

describe("another URL", () => {
  test("leaves the commit in use with its files until the repository there has a good one", async () => {
    using given = setUp();
    using there = tempDir();
    const [origin, other] = [createOrigin(given.dir.path), createOrigin(there.path)];
    const id = origin.push(filesWith("one"));
    const broken = other.push({ "jobs/read.yaml": "id: read\n" });
    const before = await given.start(origin.url);
    await before.stop();
    for (let start = 0; start < 2; start++) {
      const petit = await given.start(other.url);
      expect(await stateOf(petit)).toMatchObject({ commit: { id }, refused: { commit: { id: broken } } });
      await post(petit, "/api/jobs/sync");
      const run = await runToEnd(petit, "read");
      expect(run).toMatchObject({ status: "completed", commit: id });
      await petit.kill();
    }
    const good = other.push(filesWith("other"));
    await using petit = await given.start(other.url);
    expect((await post(petit, "/api/jobs/sync")).body).toMatchObject({ commit: { id: good }, refused: null });
    expect(await linesOf(petit, (await runToEnd(petit, "read")).id)).toBe("other\n");
  });

  test("that has no repository ends the start, each time", async () => {
    using given = setUp();
    const origin = createOrigin(given.dir.path);
    origin.push(filesWith("one"));
    const before = await given.start(origin.url);
    await before.stop();
    const args = [
      "run",
      "--api-port",
      "0",
      "--db",
      given.dir.file("petit.db"),
      "--jobs-git",
      `file://${given.dir.file("gone.git")}`,
    ];
    for (let start = 0; start < 2; start++)
      expect(await runPetit(args)).toMatchObject({ status: 2, stderr: expect.stringContaining("no repository") });
    await using petit = await given.start(origin.url);
    expect((await runToEnd(petit, "read")).status).toBe("completed");
    expect(existsSync(given.dir.file("petit.db-git/repository.damaged"))).toBe(false);
  });
});
