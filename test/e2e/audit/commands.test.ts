import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openRuntime } from "#runtime";
import { auditFacts } from "../../../src/domain/people/audit.ts";
import { openStore } from "../../../src/store/database/open.ts";
import { petit as command } from "../../support/cli.ts";
import { ask, post } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { eventually } from "../../support/torture/run.ts";

const JOBS = { "hello.yaml": 'id: hello\ntasks: [{id: only, type: command, command: "true"}]\n' };

type Entry = { readonly [field: string]: unknown };

const entriesOf = async (petit: Petit, query = ""): Promise<readonly Entry[]> => {
  const { status, body } = await ask(petit, `/api/audit${query}`);
  expect([status, body.error]).toEqual([200, undefined]);
  return body.entries;
};

const done = async (args: readonly string[], environment: Record<string, string> = {}): Promise<string> => {
  const { status, stdout, stderr } = await command(args, { environment });
  expect([args, status, status === 0 ? null : stderr]).toEqual([args, 0, null]);
  return stdout;
};

test("commands on the database itself are in the log, by the user of the system", async () => {
  using dir = tempDir();
  const [db, jobs] = [dir.file("petit.db"), dir.file("jobs")];
  mkdirSync(jobs);
  writeFileSync(join(jobs, "hello.yaml"), JOBS["hello.yaml"]);
  await done(["trigger", jobs, "hello", "--db", db]);
  await done(["tokens", "create", "mara", "--role", "viewer", "--db", db]);
  await done(["tokens", "rotate", "mara", "--db", db], { SUDO_USER: "ada" });
  await done(["backup", dir.file("copy.db"), "--db", db]);
  await done(["tokens", "revoke", "mara", "--db", db]);
  await done(["restore", dir.file("copy.db"), "--dry-run", "--db", db]);
  const failed = await command(["tokens", "revoke", "nobody", "--db", db]);
  expect(failed.status).not.toBe(0);
  await done(["restore", dir.file("copy.db"), "--db", db]);
  await done(["tokens", "revoke", "mara", "--db", db]).catch(() => {});
  await using petit = await startPetit({ dir: dir.path, jobsDir: jobs });
  const me = execFileSync("id", ["-un"], { encoding: "utf8" }).trim();
  expect((await ask(petit, "/api/runs?job=hello")).body.runs).toMatchObject([{ triggered_by: me }]);
  const entries = (await entriesOf(petit)).filter(({ how }) => how === "command");
  const of = (action: string, on: string, who = me) => ({
    ...{ who, role: "admin", how: "command", address: null, action, on, request_id: null, allowed: true },
  });
  expect(entries).toMatchObject([
    of("database.restore", dir.file("copy.db")),
    of("token.revoke", "mara"),
    of("token.rotate", "mara", "ada"),
    of("token.create", "mara"),
    { ...of("job.trigger", "hello"), job_id: "hello", run_id: expect.any(String) },
  ]);
});

test("a restored copy keeps what the log of the replaced database has since then, once, as long as that can be read", async () => {
  using dir = tempDir();
  const db = dir.file("petit.db");
  const create = (name: string) => done(["tokens", "create", name, "--role", "viewer", "--db", db]);
  const restore = (copy: string) => done(["restore", dir.file(copy), "--db", db]);
  const entries = () => {
    const database = openRuntime().openDatabase(db);
    const rows = database.prepare("SELECT id, action, target FROM audit ORDER BY id").all();
    database.close();
    return rows.map(({ id, action, target }) => [id, action, String(target).split("/").at(-1)]);
  };
  await create("ada");
  await done(["backup", dir.file("first.db"), "--db", db]);
  await create("mara");
  await restore("first.db");
  const created = [1, "token.create", "ada"];
  const first = [created, [2, "token.create", "mara"], [3, "database.restore", "first.db"]];
  expect(entries()).toEqual(first);
  await done(["backup", dir.file("second.db"), "--db", db]);
  await create("rob");
  await restore("first.db");
  await restore("second.db");
  const second = [
    ...first,
    [4, "token.create", "rob"],
    [5, "database.restore", "first.db"],
    [6, "database.restore", "second.db"],
  ];
  expect(entries()).toEqual(second);
  // Without the replaced database, numbers are given again. What the copy has under them stays.
  await done(["backup", dir.file("third.db"), "--db", db]);
  writeFileSync(db, "damaged");
  await restore("first.db");
  expect(entries()).toEqual([created, [2, "database.restore", "first.db"]]);
  await restore("third.db");
  expect(entries()).toEqual([...second, [7, "database.restore", "first.db"], [8, "database.restore", "third.db"]]);
});

test("denied requests are in the log, at most 60 in a minute, the rest when petit stops", async () => {
  const first = await startPetit({ jobs: JOBS, args: ["--audit-log"] });
  const evil = { origin: "https://evil.example" };
  for (let each = 0; each < 63; each++)
    expect((await post(first, "/api/jobs/hello/trigger", undefined, evil)).status).toBe(403);
  expect((await ask(first, "/api/jobs", { headers: evil })).status).toBe(403);
  const denied = await entriesOf(first, "?allowed=false&limit=1000");
  expect(denied).toHaveLength(60);
  expect(denied[0]).toMatchObject({ who: null, role: null, how: "anonymous", action: "job.trigger", on: "hello" });
  await first.stop();
  const lines = first
    .stderr()
    .split("\n")
    .filter((line) => line.startsWith('{"type":"audit"'))
    .map((line) => JSON.parse(line));
  expect(lines).toHaveLength(62);
  expect(lines[0]).toMatchObject({ action: "jobs.change", how: "start", details: { added: ["hello"] } });
  await using petit = await startPetit({ dir: first.dir, jobsDir: first.jobsDir });
  const [rest] = await entriesOf(petit, "?action=requests.denied");
  expect(rest).toMatchObject({
    address: "127.0.0.1",
    allowed: false,
    count: 3,
    details: { actions: { "job.trigger": 3 } },
  });
  expect(lines.at(-1)).toMatchObject({ type: "audit", id: rest?.id, count: 3, time: expect.stringMatching(/Z$/) });
});

test("--audit-log also writes the entries of other processes, each once and in order", async () => {
  await using petit = await startPetit({ jobs: JOBS, args: ["--audit-log"] });
  const lines = (): readonly Entry[] =>
    petit
      .stderr()
      .split("\n")
      .filter((line) => line.startsWith('{"type":"audit"'))
      .map((line) => JSON.parse(line));
  const reach = (count: number) =>
    eventually(`there are ${count} lines`, () => (lines().length < count ? null : count));
  const db = join(petit.dir, "petit.db");
  await reach(1);
  await done(["tokens", "create", "mara", "--role", "admin", "--db", db]);
  await reach(2);
  await done(["tokens", "revoke", "mara", "--db", db]);
  await reach(3);
  await petit.stop();
  expect(lines()).toMatchObject([
    { action: "jobs.change", how: "start" },
    { action: "token.create", on: "mara", how: "command" },
    { action: "token.revoke", on: "mara", how: "command" },
  ]);
});

test("petit audit lists, filters and exports the log, and so does the API", async () => {
  await using petit = await startPetit({ jobs: JOBS });
  const environment = { PETIT_URL: petit.url };
  for (const action of ["pause", "resume", "pause"]) await post(petit, `/api/jobs/hello/${action}`);
  await post(petit, "/api/scheduler/pause", undefined, { origin: "https://evil.example" });
  const table = await done(["audit"], environment);
  expect(table.split("\n").map((line) => line.split(/ {2,}/).slice(-2).join(" "))).toEqual([
    "ACTION ON",
    "127.0.0.1 denied: scheduler.pause",
    "job.pause hello",
    "job.resume hello",
    "job.pause hello",
    "jobs.change added: hello",
    "",
  ]);
  const jsonOf = async (...args: readonly string[]) =>
    (await done(["audit", "--json", ...args], environment))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  const all = await entriesOf(petit);
  expect(await jsonOf()).toEqual(all as Entry[]);
  expect(await jsonOf("--action", "job.", "--limit", "2")).toEqual(all.slice(1, 3) as Entry[]);
  expect(await jsonOf("--denied", "--since", "1h ago")).toEqual(all.slice(0, 1) as Entry[]);
  expect((await command(["audit", "--action", "job"], { environment })).stderr).toContain("'job' is no action");

  const exported = await petit.fetch("/api/audit?format=jsonl&action=job.pause");
  expect(exported.headers.get("content-type")).toBe("application/x-ndjson");
  const lines = (await exported.text()).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([all[1], all[3]] as Entry[]);

  const pages: Entry[] = [];
  for (let next = ""; ; ) {
    const { body } = await ask(petit, `/api/audit?limit=2${next}`);
    pages.push(...body.entries);
    if (body.next === null) break;
    next = `&before=${body.next}`;
  }
  expect(pages).toEqual(all as Entry[]);
});

test("an export without a limit has all entries", async () => {
  using dir = tempDir();
  const total = 1_700;
  {
    using store = openStore({ path: dir.file("petit.db"), runtime: openRuntime() });
    store.transaction(() => {
      for (let each = 0; each < total; each++)
        store.audit.add(auditFacts({ how: "command", action: "token.create", target: `t${each}` }), Date.now());
    });
  }
  await using petit = await startPetit({ dir: dir.path, jobs: JOBS });
  const exportOf = async (query: string): Promise<readonly Entry[]> => {
    const response = await petit.fetch(`/api/audit?format=jsonl&action=token.create${query}`);
    return (await response.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  };
  const all = await exportOf("");
  expect(all.map(({ on }) => on)).toEqual(Array.from({ length: total }, (_, index) => `t${total - 1 - index}`));
  expect(await exportOf("&limit=3")).toEqual(all.slice(0, 3) as Entry[]);
  expect(await entriesOf(petit, "?action=token.create")).toEqual(all.slice(0, 100) as Entry[]);
});

describe("a wrong filter", () => {
  let petit: Petit;
  beforeAll(async () => {
    petit = await startPetit({ jobs: JOBS });
  });
  afterAll(() => petit[Symbol.asyncDispose]());

  test.each([
    ["action=jobs", "query parameter 'action': 'jobs' is no action; expected "],
    [
      "action=Job.",
      "query parameter 'action': 'Job.' is not an action, or the beginning of actions with a full stop at the end",
    ],
    ["allowed=yes", "query parameter 'allowed': 'yes' is not one of"],
    ["since=2&until=1", "query parameter 'since': 2 is not before 1, the end of the period"],
    ["limit=0", "query parameter 'limit': '0' is not a whole number from 1 to 1000"],
    ["before=x", "query parameter 'before': 'x' is not a whole number"],
    ["format=csv", "query parameter 'format': 'csv' is not one of"],
    ["what=1", "query parameter 'what' is unknown"],
  ])("is refused with its place: %s", async (query, message) => {
    const { status, body } = await ask(petit, `/api/audit?${query}`);
    expect([status, body.error.slice(0, message.length)]).toEqual([400, message]);
  });
});
