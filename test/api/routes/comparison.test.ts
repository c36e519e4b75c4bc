import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const etl = (script: string) => `# Moves data
id: etl
params: {day: {default: monday}, level: {default: full}}
tasks:
  - {id: extract, type: shell, script: "true"}
  - {id: load, type: shell, depends_on: [extract], script: '${script}'}
`;

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({ jobs: { "etl.yaml": etl("true") }, args: ["--no-watch"] });
});
afterAll(() => petit[Symbol.asyncDispose]());

const comparison = async (run: { readonly id: string }) => (await ask(petit, `/api/runs/${run.id}/comparison`)).body;

const redefine = async (text: string): Promise<void> => {
  writeFileSync(join(petit.jobsDir, "etl.yaml"), text);
  expect((await post(petit, "/api/jobs/reload")).body.problems).toEqual([]);
};

describe("GET /api/runs/{run_id}/comparison", () => {
  test("has nothing to compare with before the first success", async () => {
    const run = await runToEnd(petit, "etl");
    expect(await comparison(run)).toEqual({
      run_id: run.id,
      last_success: null,
      same_params: false,
      params: [],
      definition: { changed: false, diff: null },
      duration_ms: run.duration_ms,
      duration_before_ms: null,
      usual_duration_ms: null,
      tasks: ["extract", "load"].map((task_id) => ({
        task_id,
        status: "completed",
        status_before: null,
        duration_ms: expect.any(Number),
        duration_before_ms: null,
      })),
    });
  });

  test("names the params that differ, and the durations", async () => {
    const before = await runToEnd(petit, "etl");
    const after = await runToEnd(petit, "etl", { day: "sunday" });
    expect(await comparison(after)).toMatchObject({
      last_success: { id: before.id },
      same_params: false,
      params: [{ name: "day", before: "monday", after: "sunday" }],
      definition: { changed: false, diff: null },
      duration_ms: after.duration_ms,
      duration_before_ms: before.duration_ms,
      usual_duration_ms: expect.any(Number),
    });
  });

  test("is with the last success that had the same params, if there is one", async () => {
    const params = { day: "friday", level: "low" };
    const before = await runToEnd(petit, "etl", params);
    await runToEnd(petit, "etl");
    const after = await runToEnd(petit, "etl", params);
    expect(await comparison(after)).toMatchObject({ last_success: { id: before.id }, same_params: true, params: [] });
  });

  test("does not depend on the order in which a definition has its params", async () => {
    const before = await runToEnd(petit, "etl", { day: "friday", level: "high" });
    await runToEnd(petit, "etl");
    await redefine(etl("true").replace("day: {default: monday}, level: {default: full}", "level: {}, day: {}"));
    const after = await runToEnd(petit, "etl", { day: "friday", level: "high" });
    expect(await comparison(after)).toMatchObject({ last_success: { id: before.id }, same_params: true });
    await redefine(etl("true"));
  });

  test("has the difference of the definitions", async () => {
    const before = await runToEnd(petit, "etl");
    await redefine(etl("exit 3"));
    const after = await runToEnd(petit, "etl");
    const { last_success, definition, tasks } = await comparison(after);
    expect(last_success.id).toBe(before.id);
    expect(definition.changed).toBe(true);
    expect(definition.diff.filter((line: string) => /^[-+]/.test(line))).toEqual([
      "-  - {id: load, type: shell, depends_on: [extract], script: 'true'}",
      "+  - {id: load, type: shell, depends_on: [extract], script: 'exit 3'}",
    ]);
    expect(tasks[1]).toMatchObject({ task_id: "load", status: "failed", status_before: "completed" });
  });

  test("does not count a comment or another place in the file as a change", async () => {
    await redefine(etl("true"));
    await runToEnd(petit, "etl");
    await redefine(`\n# Another comment\n${etl("true")}`);
    expect((await comparison(await runToEnd(petit, "etl"))).definition).toEqual({ changed: false, diff: null });
  });

  test("compares with the last success before the run, not with a later one", async () => {
    const before = await runToEnd(petit, "etl");
    const middle = await runToEnd(petit, "etl");
    await runToEnd(petit, "etl");
    expect((await comparison(middle)).last_success.id).toBe(before.id);
  });

  test("lists a task that the job no longer has", async () => {
    await runToEnd(petit, "etl");
    await redefine("id: etl\ntasks: [{id: extract, type: shell, script: 'true'}]\n");
    const { params, tasks } = await comparison(await runToEnd(petit, "etl"));
    expect(tasks.at(-1)).toMatchObject({
      task_id: "load",
      status: null,
      duration_ms: null,
      status_before: "completed",
    });
    expect(params[0]).toEqual({ name: "day", before: "monday", after: null });
  });

  test("is 404 for an unknown run", async () => {
    expect((await ask(petit, "/api/runs/019b76da-a800-7c3e-8f2b-5d1c9a7e4f60/comparison")).status).toBe(404);
  });
});

describe("a failed run", () => {
  test("says why it failed, alone and in the lists that ask for it", async () => {
    await redefine("id: etl\ntasks: [{id: load, type: shell, script: 'echo no rows >&2; exit 3'}]\n");
    const { id } = await runToEnd(petit, "etl");
    const failure = {
      task_id: "load",
      item: null,
      attempt: 1,
      reason: "exit_code",
      exit_code: 3,
      signal: null,
      error: "exit code 3",
      cause: null,
      last_line: { seq: 1, stream: "stderr", text: "no rows" },
    };
    expect((await ask(petit, `/api/runs/${id}`)).body.failure).toEqual(failure);
    for (const path of ["/api/runs", "/api/jobs/etl/runs"]) {
      const [first, second] = (await ask(petit, `${path}?failure=true`)).body.runs;
      expect([first.failure, second.failure]).toEqual([failure, null]);
      expect((await ask(petit, path)).body.runs[0]).not.toHaveProperty("failure");
    }
  });
});

describe("the output of the failed task", () => {
  test("can be limited to the last lines of one stream of one attempt", async () => {
    await redefine(`id: etl
tasks:
  - id: load
    type: shell
    retry: {max_attempts: 1}
    script: for i in 1 2 3 4; do echo "out $i"; echo "attempt $PETIT_ATTEMPT error $i" >&2; done; exit 3
  - {id: cleanup, type: shell, condition: all_done, depends_on: [load], script: for i in $(seq 300); do echo "removed $i" >&2; done}
`);
    const { id } = await runToEnd(petit, "etl");
    const query = "task=load&stream=stderr&attempt=2&tail=2";
    expect(await (await petit.fetch(`/api/runs/${id}/logs?${query}`)).text()).toBe(
      "attempt 2 error 3\nattempt 2 error 4\n",
    );
    const { lines } = (await ask(petit, `/api/runs/${id}/lines?${query.replace("tail=2", "tail=true&limit=2")}`)).body;
    expect(lines.map(({ text }: { text: string }) => text)).toEqual(["attempt 2 error 3", "attempt 2 error 4"]);
  });
});
