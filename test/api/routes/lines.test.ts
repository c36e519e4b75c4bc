import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, readEvents, runToEnd, start, take } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = {
  "jobs.yaml": `
id: many
tasks: [{id: only, type: shell, script: "seq 1 20000"}]
---
id: two
tasks:
  - {id: one, type: shell, script: "echo out 1; echo err 1 >&2; sleep 0.1; echo out 2"}
  - {id: two, type: shell, script: "echo out 3; exit 1", depends_on: [one], retry: {max_attempts: 1}}
---
id: faulty
tasks:
  - id: load
    type: shell
    script: |
      echo "loading 3 files"
      echo "psql: error: connection refused" >&2
      seq 1000
      printf 'Traceback (most recent call last):\\n  File "load.py", line 3, in main\\norders.NoRows: 17\\n' >&2
      echo "cleaned up"
---
id: quiet
tasks: [{id: only, type: command, command: "true"}]
---
id: wide
tasks: [{id: only, type: shell, script: "for n in $(seq 60); do printf '%s %050000d\\n' $n 0; done"}]
---
id: steps
tasks:
  - id: only
    type: shell
    script: |
      echo ready
      until [ -e "$GATE/go" ]; do sleep 0.02; done
      echo done
`,
};

let petit: Petit;
let many: string;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS, env: { GATE: "." }, args: ["--no-watch"] });
  many = (await runToEnd(petit, "many")).id;
});
afterAll(() => petit[Symbol.asyncDispose]());

const page = async (runId: string, query = "") => (await ask(petit, `/api/runs/${runId}/lines${query}`)).body;
const search = async (runId: string, query: string) =>
  (await ask(petit, `/api/runs/${runId}/lines/search${query}`)).body;

describe("GET /api/runs/{run_id}/lines", () => {
  test("has the first lines, and the total", async () => {
    const { lines, ...rest } = await page(many);
    expect(rest).toEqual({ count: 500, offset: 0, total: 20_000, last_seq: 20_000, ended: true });
    expect(lines[0]).toEqual({
      seq: 1,
      task_id: "only",
      attempt: 1,
      stream: "stdout",
      at: expect.any(Number),
      text: "1",
    });
    expect(lines.at(-1).text).toBe("500");
  });

  test.each([
    ["?offset=12344&limit=3", 12_344, ["12345", "12346", "12347"]],
    ["?offset=19999", 19_999, ["20000"]],
    ["?offset=20000", 20_000, []],
    ["?offset=99999", 20_000, []],
    ["?after=17&limit=2", 17, ["18", "19"]],
    ["?after=0&limit=1", 0, ["1"]],
    ["?after=20000", 20_000, []],
    ["?before=20&limit=2", 17, ["18", "19"]],
    ["?before=3&limit=5", 0, ["1", "2"]],
    ["?before=1", 0, []],
    ["?before=99999&limit=1", 19_999, ["20000"]],
    ["?tail=true&limit=2", 19_998, ["19999", "20000"]],
    ["?tail=false&limit=1", 0, ["1"]],
  ])("with %s has the requested lines", async (query, offset, texts) => {
    const body = await page(many, query);
    expect(body.lines.map((line: { text: string }) => line.text)).toEqual(texts);
    expect(body).toMatchObject({ offset, count: texts.length, total: 20_000, last_seq: 20_000 });
  });

  test("counts positions among the lines of a task, a stream, an attempt", async () => {
    const { id } = await runToEnd(petit, "two");
    const all = await page(id);
    expect(all).toMatchObject({ total: 5, last_seq: 5 });
    const stdout = await page(id, "?task=one&stream=stdout&offset=1");
    expect(stdout).toMatchObject({ lines: [{ text: "out 2" }], offset: 1, total: 2, last_seq: 5 });
    expect(await page(id, `?task=one&stream=stdout&after=${stdout.lines[0].seq - 1}`)).toMatchObject({ offset: 1 });
    const second = await page(id, "?task=two&attempt=2");
    expect(second).toMatchObject({ lines: [{ seq: 5, attempt: 2 }], total: 1 });
    expect(await page(id, "?task=two&attempt=9")).toMatchObject({ lines: [], count: 0, total: 0, last_seq: 5 });
  });

  test("with more characters than a page has, ends early, or begins later where its end was asked for", async () => {
    const { id } = await runToEnd(petit, "wide");
    const numbers = async (query: string) => {
      const { lines, offset, count } = await page(id, query);
      expect(lines).toHaveLength(count);
      expect(lines[0].seq).toBe(offset + 1);
      return [lines[0].seq, lines.at(-1).seq];
    };
    expect(await numbers("")).toEqual([1, 20]);
    expect(await numbers("?tail=true")).toEqual([46, 60]);
    expect(await numbers("?tail=true&limit=30")).toEqual([46, 60]);
    expect(await numbers("?before=41&limit=40")).toEqual([21, 40]);
    expect(await numbers("?before=41&limit=1")).toEqual([40, 40]);
  });

  test("is empty without output", async () => {
    const { id } = await runToEnd(petit, "quiet");
    const body = { lines: [], count: 0, offset: 0, total: 0, last_seq: 0, ended: true };
    for (const query of ["", "?offset=5", "?after=7", "?before=7", "?tail=true"])
      expect(await page(id, query)).toEqual(body);
  });

  test("continues as a stream without lost or duplicate lines", async () => {
    const runId = await start(petit, "steps");
    const first = readEvents(
      await petit.fetch(`/api/runs/${runId}/logs?follow=true`, { headers: { accept: "text/event-stream" } }),
    );
    await take(first, 1);
    const body = await page(runId);
    expect(body).toMatchObject({ lines: [{ text: "ready" }], last_seq: 1, ended: false });
    const headers = { accept: "text/event-stream", "last-event-id": String(body.last_seq) };
    const rest = readEvents(await petit.fetch(`/api/runs/${runId}/logs?follow=true`, { headers }));
    writeFileSync(join(petit.dir, "go"), "");
    expect((await Array.fromAsync(rest)).map(({ data }) => JSON.parse(data).text)).toEqual(["done"]);
    expect(await page(runId)).toMatchObject({ total: 2, ended: true });
  });

  test.each([
    ["limit=0", "limit"],
    ["limit=2001", "limit"],
    ["offset=-1", "offset"],
    ["after=x", "after"],
    ["before=", "before"],
    ["tail=3", "tail"],
    ["q=x", "q"],
    ["stream=out", "stream"],
    ["offset=1&after=1", "offset and after exclude each other"],
    ["before=1&tail=true", "before and tail exclude each other"],
  ])("refuses ?%s", async (query, what) => {
    const { status, body } = await ask(petit, `/api/runs/${many}/lines?${query}`);
    expect(status).toBe(400);
    const details = { reason: "invalid_value", in: "query", name: expect.any(String), problem: expect.any(String) };
    expect(body).toEqual({ error: expect.stringContaining(what), code: "INVALID_REQUEST", details });
  });
});

describe("GET /api/runs/{run_id}/lines/search", () => {
  test("finds lines anywhere in the log", async () => {
    const body = await search(many, "?q=1999");
    expect(body).toMatchObject({ count: 12, complete: true, searched_to: 20_000, total: 20_000, last_seq: 20_000 });
    expect(body.matches[0]).toEqual({ seq: 1999, offset: 1998 });
    expect(body.matches.at(-1)).toEqual({ seq: 19_999, offset: 19_998 });
  });

  test("stops at the limit, and continues after the searched lines", async () => {
    const first = await search(many, "?q=1999&limit=4");
    expect(first).toMatchObject({ count: 4, complete: false, searched_to: 19_991 });
    const rest = await search(many, `?q=1999&after=${first.searched_to}`);
    expect(rest).toMatchObject({ count: 8, complete: true });
    expect(rest.matches[0]).toEqual({ seq: 19_992, offset: 19_991 });
  });

  test("applies the filter, and matches case if requested", async () => {
    const { id } = await runToEnd(petit, "two");
    expect(await search(id, "?q=OUT")).toMatchObject({ count: 4 });
    expect(await search(id, "?q=OUT&case=true")).toMatchObject({ matches: [], count: 0, complete: true });
    expect(await search(id, "?q=out%203&attempt=2&task=two")).toMatchObject({ matches: [{ seq: 5, offset: 0 }] });
  });

  test.each([
    ["", "q"],
    ["?q=", "q"],
    ["?q=a%0Ab", "q"],
    [`?q=${"x".repeat(201)}`, "q"],
    ["?q=x&limit=10001", "limit"],
    ["?q=x&case=2", "case"],
    ["?q=x&offset=1", "offset"],
  ])("refuses %p", async (query, what) => {
    const { status, body } = await ask(petit, `/api/runs/${many}/lines/search${query}`);
    expect(status).toBe(400);
    const details = { reason: "invalid_value", in: "query", name: expect.any(String), problem: expect.any(String) };
    expect(body).toEqual({ error: expect.stringContaining(what), code: "INVALID_REQUEST", details });
  });

  test("is 404 for a task that is not in the run", async () => {
    for (const path of ["lines?task=none", "lines/search?q=x&task=none"])
      expect(await ask(petit, `/api/runs/${many}/${path}`)).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
  });
});

test("GET /api/runs/{run_id}/lines/search has the matching lines on request, page by page", async () => {
  expect(await search(many, "?q=1999")).not.toHaveProperty("lines");
  const first = await search(many, "?q=1999&lines=true&limit=4");
  expect(first.lines.map(({ text }: { text: string }) => text)).toEqual(["1999", "11999", "19990", "19991"]);
  expect(first.lines.map(({ seq }: { seq: number }) => seq)).toEqual(
    first.matches.map(({ seq }: { seq: number }) => seq),
  );
  const rest = await search(many, `?q=1999&lines=true&after=${first.searched_to}`);
  expect([rest.lines.at(-1).text, rest.lines.length, rest.complete]).toEqual(["19999", 8, true]);
});

describe("GET /api/runs/{run_id}/lines/errors", () => {
  const errorsOf = async (runId: string, query = "") =>
    (await ask(petit, `/api/runs/${runId}/lines/errors${query}`)).body;

  test("has the lines that look like errors, with their positions under the filter", async () => {
    const { id } = await runToEnd(petit, "faulty");
    const { lines } = await page(id, "?limit=2000");
    const all = await errorsOf(id);
    const texts = all.matches.map(({ offset }: { offset: number }) => lines[offset].text);
    expect(texts.toSorted()).toEqual(["orders.NoRows: 17", "psql: error: connection refused"]);
    expect(all).toMatchObject({ count: 2, complete: true, searched_to: 1006, total: 1006 });
    expect((await errorsOf(id, "?stream=stderr")).matches.map(({ offset }: { offset: number }) => offset)).toEqual([
      0, 3,
    ]);
    expect(await errorsOf(id, "?stream=stdout")).toMatchObject({ matches: [], complete: true });
  });

  test("continues after the searched lines", async () => {
    const { id } = await runToEnd(petit, "faulty");
    const first = await errorsOf(id, "?limit=1");
    expect(first).toMatchObject({ count: 1, complete: false, searched_to: first.matches[0].seq });
    expect(await errorsOf(id, `?after=${first.searched_to}`)).toMatchObject({ count: 1, complete: true });
  });
});
