import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openRuntime } from "#runtime";
import { tempFolder } from "../../support/cli.ts";
import { ask, post, readEvents, runToEnd, takeUntil } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const TASK = "tasks: [{id: only, type: command, command: 'true'}]\n";
const ONE = `id: a\nschedule: "0 2 1 1 *"\nenvironment: {API_TOKEN: first-secret, STAGE: test}\n${TASK}`;
const TWO = `id: a # changed
schedule: "0 3 1 1 *"
timeout: 5m
environment: {API_TOKEN: second-secret, STAGE: test}
notify: [{type: webhook, url: "https://hooks.example.com/very-secret-path", on: [failure]}]
tasks:
  - {id: only, type: command, command: 'true'}
  - {id: more, type: command, command: date, depends_on: [only]}
`;

/** Writes a job file of a running petit, and reloads. */
const write = async (petit: Petit, name: string, text: string): Promise<void> => {
  writeFileSync(join(petit.jobsDir, name), text);
  expect((await post(petit, "/api/jobs/reload")).body.problems).toEqual([]);
};

type Use = { readonly since: number; readonly until: number | null; readonly [field: string]: unknown };
type Version = { readonly version: number; readonly digest: string; readonly uses: readonly Use[] };

const versionsOf = async (petit: Petit, job: string): Promise<readonly Version[]> =>
  (await ask(petit, `/api/jobs/${job}/versions`)).body.versions;

describe("the versions of a job", () => {
  let petit: Petit;
  let versions: readonly (Version & { readonly [field: string]: unknown })[];
  let run: string;
  beforeAll(async () => {
    petit = await startPetit({
      jobs: { "a.yaml": ONE, "other.yaml": `id: other\n${TASK}` },
      args: ["--no-watch"],
    });
    run = (await runToEnd(petit, "a")).id;
    await write(petit, "a.yaml", TWO);
    await write(petit, "a.yaml", ONE);
    versions = await versionsOf(petit, "a");
  });
  afterAll(() => petit[Symbol.asyncDispose]());
  const detail = async (name: string, query = "") => (await ask(petit, `/api/jobs/a/versions/${name}${query}`)).body;

  test("are listed newest first, each with when and why it was in use, and its runs", () => {
    const modified = Math.floor(statSync(join(petit.jobsDir, "a.yaml")).mtimeMs);
    const [two, one] = versions;
    expect(versions.map(({ version, current }) => [version, current])).toEqual([
      [2, false],
      [1, true],
    ]);
    expect(two?.uses).toEqual([
      {
        since: expect.any(Number),
        until: one?.uses[0]?.since ?? 0,
        cause: "api",
        by: "127.0.0.1",
        file: "a.yaml",
        file_modified_at: expect.any(Number),
        commit: null,
      },
    ]);
    expect(one?.uses).toMatchObject([
      { until: null, cause: "api", by: "127.0.0.1", file_modified_at: modified },
      { until: two?.uses[0]?.since, cause: "start", by: null },
    ]);
    expect(one).toMatchObject({ use_count: 2, runs: { count: 1, first: { id: run }, last: { id: run } } });
    expect(two).toMatchObject({ use_count: 1, runs: { count: 0, first: null, last: null } });
  });

  test("are paged by number and by digest", async () => {
    const list = async (query: string) =>
      (await ask(petit, `/api/jobs/a/versions${query}`)).body.versions.map(({ version }: Version) => version);
    expect(await list("?limit=1")).toEqual([2]);
    expect(await list("?before=2")).toEqual([1]);
    expect(await list(`?before=${versions[0]?.digest.slice(0, 8)}`)).toEqual([1]);
    expect(await list("?before=1")).toEqual([]);
  });

  test("are found by number, by digest and by its beginning", async () => {
    const digest = versions[0]?.digest ?? "";
    for (const name of ["2", digest, digest.slice(0, 8), digest.slice(0, 8).toUpperCase()])
      expect(await detail(name)).toMatchObject({ version: 2, digest });
  });

  test.each(["9", "0", "00", "abc", "zzzz", "0".repeat(64), "x".repeat(500), "%2f"])(
    "%s is not one of them",
    async (name) => {
      for (const path of [`/versions/${name}`, `/versions/1?diff=${name}`, `/versions?before=${name}`]) {
        const { status, body } = await ask(petit, `/api/jobs/a${path}`);
        expect([path, status, body.code]).toEqual([path, 404, "NOT_FOUND"]);
        expect(body.error).toStartWith("job 'a' has no version");
        expect(body.error.length).toBeLessThan(300);
      }
    },
  );

  test("of an unknown job are not found", async () => {
    expect((await ask(petit, "/api/jobs/none/versions")).status).toBe(404);
    expect((await ask(petit, "/api/jobs/none/versions/1")).status).toBe(404);
  });

  test("have their definition and text without secrets", async () => {
    const two = await detail("2");
    expect(two.definition).toMatchObject({
      id: "a",
      timeout: "5m",
      schedule: { cron: "0 3 1 1 *" },
      environment: { API_TOKEN: "…", STAGE: "test" },
    });
    expect(two.text).toContain("id: a # changed");
    expect(JSON.stringify([two, await detail("1")])).not.toMatch(/first-secret|second-secret|very-secret-path/);
  });

  test("are compared with the one before, field by field and as text", async () => {
    const two = await detail("2");
    expect(two).toMatchObject({ before: 1, before_digest: versions[1]?.digest, changed: true });
    const changes = two.changes.map(({ path, kind, before, after }: Record<string, unknown>) => [
      kind,
      path,
      before,
      after,
    ]);
    expect(changes).toEqual([
      ["changed", "environment.API_TOKEN", "…", "…"],
      ["changed", "schedule.cron", "0 2 1 1 *", "0 3 1 1 *"],
      ["added", "tasks.more", null, expect.objectContaining({ id: "more", command: "date", depends_on: ["only"] })],
      ["added", "timeout", null, "5m"],
      ["added", "notify", null, [expect.objectContaining({ type: "webhook", on: ["failure"] })]],
    ]);
    const hour = 3_600_000;
    expect(two.move).toEqual({ kind: "shifted", message: "runs 1 h later", shifts: [{ by_ms: hour, from: null }] });
    expect(two.diff).toContain('-schedule: "0 2 1 1 *"');
    expect(two.diff).toContain("+timeout: 5m");
  });

  test("are compared with any other one", async () => {
    const one = await detail("1", `?diff=${versions[0]?.digest.slice(0, 8)}`);
    expect(one).toMatchObject({ version: 1, before: 2, move: { message: "runs 1 h earlier" } });
    expect(one.changes.map(({ path, kind }: Record<string, unknown>) => `${kind} ${path}`)).toContain(
      "removed tasks.more",
    );
    expect(await detail("1", "?diff=1")).toMatchObject({
      before: 1,
      changed: false,
      changes: [],
      move: null,
      diff: null,
    });
    expect(await detail("1")).toMatchObject({ before: null, before_digest: null, changes: [], diff: null });
  });

  test("are named by their runs and by the job", async () => {
    const [, one] = versions;
    expect((await ask(petit, `/api/runs/${run}`)).body.version).toEqual({ version: 1, digest: one?.digest ?? "" });
    expect((await ask(petit, "/api/jobs/a")).body).toMatchObject({ version: 1, digest: one?.digest });
  });
});

test("scripts that differ are compared line by line", async () => {
  const script = (last: string) =>
    `id: a\ntasks:\n  - id: t\n    type: shell\n    script: |\n      echo one\n      echo ${last}\n`;
  await using petit = await startPetit({ jobs: { "a.yaml": script("two") }, args: ["--no-watch"] });
  await write(petit, "a.yaml", script("three"));
  const { body } = await ask(petit, "/api/jobs/a/versions/2");
  expect(body.changes).toMatchObject([
    { path: "tasks.t.script", diff: ["@@ -1,2 +1,2 @@", " echo one", "-echo two", "+echo three"] },
  ]);
});

test("a beginning of several digests is refused", async () => {
  const first = await startPetit({ jobs: { "a.yaml": ONE }, args: ["--no-watch"] });
  await write(first, "a.yaml", TWO);
  await first.stop();
  const db = openRuntime().openDatabase(first.dbPath);
  db.exec("UPDATE job_versions SET content = 'abcd' || substr(content, 5)");
  db.close();
  await using petit = await startPetit({ dir: first.dir, args: ["--no-watch"] });
  const { status, body } = await ask(petit, "/api/jobs/a/versions/abcd");
  expect({ status, code: body.code }).toEqual({ status: 400, code: "INVALID_REQUEST" });
  expect(body.error).toBe(
    "'abcd' is the beginning of the digests of several versions of job 'a'; expected more characters",
  );
});

describe("the uses of a version", () => {
  const usesOf = async (petit: Petit, job: string): Promise<readonly string[]> =>
    (await versionsOf(petit, job)).flatMap(({ version, uses }) =>
      uses.map(({ until, cause }) => `${version} ${cause}${until === null ? "" : " over"}`),
    );

  test("go on over renames of the file, swapped files, restarts and kills, and not over a removal", async () => {
    const jobs = { "a.yaml": `id: a\n${TASK}`, "b.yaml": `id: b\n${TASK}` };
    const first = await startPetit({ jobs, args: ["--no-watch"] });
    const path = (name: string) => join(first.jobsDir, name);
    renameSync(path("a.yaml"), path("c.yaml"));
    renameSync(path("b.yaml"), path("a.yaml"));
    renameSync(path("c.yaml"), path("b.yaml"));
    await post(first, "/api/jobs/reload");
    expect((await ask(first, "/api/jobs/a")).body.source.file).toBe("b.yaml");
    await first.kill();
    const second = await startPetit({ dir: first.dir, args: ["--no-watch"] });
    for (const id of ["a", "b"]) expect(await usesOf(second, id)).toEqual(["1 start"]);
    rmSync(path("b.yaml"));
    await post(second, "/api/jobs/reload");
    expect(await usesOf(second, "a")).toEqual(["1 start over"]);
    await second.stop();
    writeFileSync(path("d.yaml"), jobs["a.yaml"]);
    await using third = await startPetit({ dir: first.dir, args: ["--no-watch"] });
    expect(await usesOf(third, "a")).toEqual(["1 start", "1 start over"]);
    expect(await usesOf(third, "b")).toEqual(["1 start"]);
  }, 60_000);

  test("say that a signal or a token had the files read", async () => {
    using folder = tempFolder();
    const file = folder.write("petit.token", "ada: the-token-of-ada\n");
    chmodSync(file, 0o600);
    const headers = { authorization: "Bearer the-token-of-ada" };
    await using petit = await startPetit({
      jobs: { "a.yaml": `id: a\nname: one\n${TASK}` },
      args: ["--no-watch", "--token-file", file],
    });
    const reloaded = await nextReload(petit, headers);
    writeFileSync(join(petit.jobsDir, "a.yaml"), `id: a\nname: two\n${TASK}`);
    process.kill(petit.pid, "SIGHUP");
    await reloaded();
    writeFileSync(join(petit.jobsDir, "a.yaml"), `id: a\nname: three\n${TASK}`);
    await post(petit, "/api/jobs/reload", undefined, headers);
    const { body } = await ask(petit, "/api/jobs/a/versions", { headers });
    expect(body.versions.map(({ uses: [use] }: Version) => [use?.cause, use?.by])).toEqual([
      ["api", "ada"],
      ["signal", null],
      ["start", null],
    ]);
  });

  test("say that petit had noticed the change itself", async () => {
    await using petit = await startPetit({ jobs: { "a.yaml": `id: a\nname: one\n${TASK}` } });
    const reloaded = await nextReload(petit);
    writeFileSync(join(petit.jobsDir, "a.yaml"), `id: a\nname: two\n${TASK}`);
    await reloaded();
    expect((await versionsOf(petit, "a"))[0]).toMatchObject({ version: 2, uses: [{ cause: "watch", by: null }] });
  });
});

/** Returns a function that waits for the next reload from now on. */
const nextReload = async (petit: Petit, headers: HeadersInit = {}): Promise<() => Promise<unknown>> => {
  const events = readEvents(await petit.fetch("/api/events", { headers }));
  return () => takeUntil(events, ({ event }) => event === "jobs.reloaded");
};
