import { expect, test } from "bun:test";
import { MAX_CHARACTERS } from "../../src/mcp/answer/answer.ts";
import { connectHttp } from "../support/mcp.ts";
import { startPetit } from "../support/petit/petit.ts";

const MANY = 10_000;

const job = (index: number): string =>
  `id: job_${String(index).padStart(5, "0")}\nname: "${"n".repeat(60)}"\nschedule: "@daily"\ntasks: [{id: only, type: command, command: "true"}]\n`;

/** 100 jobs in each file. */
const JOBS = Object.fromEntries(
  Array.from({ length: MANY / 100 }, (_, file) => [
    `jobs_${file}.yaml`,
    Array.from({ length: 100 }, (_unused, index) => job(file * 100 + index)).join("---\n"),
  ]),
);

const LOUD = `id: loud
params: {big: {default: "${"p".repeat(20_000)}"}}
tasks:
  - id: shout
    type: shell
    script: |
      seq 1 20000 | sed 's/^/ERROR: line /'
      head -c 60000 /dev/zero | tr '\\0' z
      echo
      exit 1
${Array.from({ length: 100 }, (_, index) => `  - {id: t${index}, type: command, command: "true", allow_failure: true}\n`).join("")}`;

test("10,000 jobs, long output, long params and many tasks stay within the bound, page by page", async () => {
  await using petit = await startPetit({ jobs: { ...JOBS, "loud.yaml": LOUD } });
  await using agent = await connectHttp({ url: petit.url });
  const texts: string[] = [];
  const call = async (name: string, args: Readonly<Record<string, unknown>>) => {
    const answer = await agent.call(name, args);
    expect([name, answer.isError]).toEqual([name, false]);
    texts.push(answer.text);
    return answer;
  };
  /** Returns what all pages of a list have. */
  const pages = async (name: string, args: Readonly<Record<string, unknown>>, field: string, most: number) => {
    const all: unknown[] = [];
    let cursor: unknown;
    for (let page = 0; page < most; page++) {
      const { data } = await call(name, { ...args, ...(cursor !== undefined && { cursor }) });
      all.push(...(data[field] as unknown[]));
      cursor = data.cursor;
      if (cursor === undefined) break;
    }
    return all;
  };
  const triggered = await petit.fetch("/api/jobs/loud/trigger?wait=60", { method: "POST" });
  const { run_id: run }: { run_id: string } = await triggered.json();

  const ids = (await pages("list_jobs", { match: "job_000" }, "jobs", 20)).map((each) => (each as { id: string }).id);
  expect(ids).toEqual(Array.from({ length: 100 }, (_, index) => `job_${String(index).padStart(5, "0")}`));
  expect((await call("list_jobs", {})).data).toMatchObject({ total: MANY + 1, cursor: expect.any(String) });

  const tasks = await pages("get_run", { run }, "tasks", 20);
  expect(tasks.length).toBe(101);
  expect((await call("get_run", { run })).text).toContain("more characters)");

  const tail = await call("read_log", { run, lines: 500 });
  expect(tail.lines.at(-1)).toMatch(/z{900}… \(59000 more characters\)$/);
  expect(Number(tail.data.earlier_lines) + tail.lines.length).toBe(20_001);
  const page = await call("read_log", { run, from_line: 1, lines: 500 });
  expect(page.data.cursor).toBe(String(page.lines.length + 1));
  const next = await call("read_log", { run, from_line: Number(page.data.cursor), lines: 500 });
  expect(next.lines[0]).toStartWith(`${page.data.cursor} `);
  await call("read_log", { run, match: "line 1999", lines: 500 });
  await call("search_logs", { text: "line" });
  await call("list_runs", { limit: 200 });
  await call("get_job", { job: "loud" });
  await call("why", { job: "loud" });
  await call("attention", {});
  await call("validate", { yaml: "- x\n".repeat(20_000) });
  await call("validate", { yaml: `id: x\ntasks:\n${"  - {id: 1, typ: x}\n".repeat(4_000)}` });
  await call("next_occurrences", { cron: "* * * * *", count: 100 });

  expect(Math.max(...texts.map((text) => text.length))).toBeLessThanOrEqual(MAX_CHARACTERS);
  // The test is of use only if something reaches the bound.
  expect(Math.max(...texts.map((text) => text.length))).toBeGreaterThan(MAX_CHARACTERS * 0.8);
}, 120_000);
