import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = {
  "jobs.yaml": `
id: load
tags: [nightly]
tasks:
  - {id: extract, type: shell, script: "echo connecting to db-3; echo Connection refused >&2; echo giving up; printf 'name\\tvalue\\n'"}
---
id: each
tasks:
  - {id: send, foreach: [red, blue], type: shell, script: "echo connection for $PETIT_ITEM"}
---
id: secretive
environment: {TOKEN: {file: token.txt}}
tasks:
  - {id: show, type: shell, script: "echo connection with $TOKEN"}
---
id: never
tasks: [{id: only, type: command, command: "true"}]
`,
  "token.txt": "swordfish-needle",
};

let petit: Petit;
let runs: { readonly load: string; readonly each: string };
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
  runs = { load: (await runToEnd(petit, "load")).id, each: (await runToEnd(petit, "each")).id };
});
afterAll(() => petit[Symbol.asyncDispose]());

const search = (query: string, init?: RequestInit) => ask(petit, `/api/search?${query}`, init);

describe("GET /api/search", () => {
  test("finds a line with its place, its neighbours and its path", async () => {
    const { status, body } = await search("q=connection+REFUSED");
    expect(status).toBe(200);
    expect(body).toMatchObject({ count: 1, next: null, complete: true, index: { fault: null, full: false } });
    const [line] = body.lines;
    expect(line).toMatchObject({
      run_id: runs.load,
      run_status: "completed",
      run_created_at: expect.any(Number),
      job_id: "load",
      task_id: "extract",
      attempt: 1,
      stream: "stderr",
      text: "Connection refused",
      start: 0,
      end: 18,
      before: [],
      after: [],
      path: `/runs/${runs.load}?task=extract#L${line.seq}`,
    });
    const { lines } = await search("q=giving&context=2").then((answer) => answer.body);
    expect(lines[0].before.map(({ text }: { readonly text: string }) => text)).toEqual(["connecting to db-3"]);
  });

  test("selects by job, tag, stream, time and expression", async () => {
    const found = async (query: string) =>
      (await search(query)).body.lines.map(
        ({ job_id, text }: { job_id: string; text: string }) => `${job_id}: ${text}`,
      );
    // Items run beside each other, so either of them may have written first.
    expect((await found("q=connect&job=each")).toSorted()).toEqual([
      "each: connection for blue",
      "each: connection for red",
    ]);
    expect(await found("q=connect&tag=nightly&stream=stdout")).toEqual(["load: connecting to db-3"]);
    expect(await found("q=connect&job=each&tag=nightly")).toEqual([]);
    expect(await found("q=connect&job=load&status=completed")).toHaveLength(2);
    expect(await found("q=connect&status=failed")).toEqual([]);
    expect(await found(`q=connect&since=${Date.now() + 60_000}`)).toEqual([]);
    expect(await found("q=connection+(refused|for+red)&regex=true")).toEqual([
      "each: connection for red",
      "load: Connection refused",
    ]);
  });

  test("has the item that wrote a line", async () => {
    const { body } = await search("q=for+blue");
    expect(body.lines).toMatchObject([{ item: 1, item_key: "blue" }]);
  });

  test("continues with the next page", async () => {
    const first = (await search("q=connect&limit=3")).body;
    expect(first).toMatchObject({ count: 3, complete: false });
    const second = (await search(`q=connect&limit=3&before=${first.next}`)).body;
    expect(second).toMatchObject({ count: 1, next: null, complete: true });
    const after = (await search(`q=connect&before=${first.lines[1].position}`)).body;
    expect(after.lines).toMatchObject([{ seq: first.lines[2].seq }, { seq: second.lines[0].seq }]);
  });

  test("finds a text with a tab, which many tables have", async () => {
    const { status, body } = await search("q=name%09val");
    expect([status, body.count, body.lines?.[0]?.text]).toEqual([200, 1, "name\tvalue"]);
  });

  test("never finds secrets", async () => {
    await runToEnd(petit, "secretive");
    expect((await search("q=swordfish-needle")).body.count).toBe(0);
    expect((await search("q=connection+with")).body.lines[0].text).toBe("connection with ***");
  });

  test.each([
    ["q=ab", 400, "query parameter 'q': expected 3 characters or more, because the index has no shorter texts"],
    ["", 400, "query parameter 'q'"],
    ["q=a%0Abcd", 400, "3 to 200 characters on one line"],
    ["q=%5Cd%2B&regex=true", 400, "the expression has no text of 3 or more characters"],
    ["q=(abc&regex=true", 400, "not a regular expression"],
    ["q=abc&limit=501", 400, "from 1 to 500"],
    ["q=abc&stream=both", 400, "stream"],
    ["q=abc&status=running", 400, "'running' is not one of completed, failed, cancelled, interrupted"],
    ["q=abc&before=1", 400, "the 'next' of an answer"],
    ["q=abc&before=019b7781-7a2c-7000-8000-9a7e4f60a1b2:5:1", 400, "'before': expected the 'next' of an answer"],
    ["q=abc&job=loads", 404, "job 'loads' was not found; did you mean 'load'?"],
    ["q=abc&tag=daily", 404, "daily"],
    ["q=abc&color=red", 400, "color"],
    ["q=abc%zz", 400, "'q': expected UTF-8 with percent encoding, and '%25' for a '%'"],
    ["q=%FF%FE%FD", 400, "expected UTF-8 with percent encoding"],
    ["q=abc%ED%A0%81", 400, "expected UTF-8 with percent encoding"],
  ])("%p is refused", async (query, status, message) => {
    const answer = await search(query);
    expect([answer.status, answer.body.error]).toEqual([status, expect.stringContaining(message)]);
  });

  test("takes 200 characters, whatever their size", async () => {
    const smiles = encodeURIComponent("\u{1f600}".repeat(200));
    expect((await search(`q=${smiles}`)).status).toBe(200);
    for (const longer of [`${smiles}a`, `${smiles}${smiles}`, "a".repeat(201)])
      expect((await search(`q=${longer}`)).status).toBe(400);
  });

  test("takes no character for a wildcard", async () => {
    expect((await search("q=db-3%25")).body.count).toBe(0);
    expect((await search("q=db*3")).body.count).toBe(0);
  });
});

test("searches are off with a limit of 0", async () => {
  await using other = await startPetit({ jobs: JOBS, args: ["--search-limit", "0"] });
  const answer = await ask(other, "/api/search?q=abc");
  expect([answer.status, answer.body]).toEqual([
    409,
    {
      error: "searches are off; start petit with a search_limit above 0, and with a database in a file",
      code: "CONFLICT",
      details: { reason: "search_off" },
    },
  ]);
});

test("a search that ends because petit stops is refused, and another error is one of petit", async () => {
  const { ask: askFake, engine } = fakeApi({ search: { find: () => Promise.reject(new Error("it has ended")) } });
  expect((await askFake("/api/search?q=abc")).status).toBe(500);
  engine.phase = "stopping";
  const answer = await askFake("/api/search?q=abc");
  expect([answer.status, await answer.json()]).toMatchObject([
    503,
    { error: "petit is stopping; try again in a moment" },
  ]);
});

test("an API without a search says so", async () => {
  const { ask: askFake } = fakeApi();
  expect((await askFake("/api/search?q=abc")).status).toBe(409);
});
