import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Agent, connectHttp } from "../support/mcp.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";

const job = (id: string, script: string): string =>
  `id: ${id}\ntasks:\n  - id: only\n    type: shell\n    script: |\n${script.replaceAll(/^/gm, "      ")}\n`;

const JOBS = {
  "long.yaml": job("long", "seq 1 500 | sed 's/^/line /'; echo NEEDLE; seq 502 1000"),
  "wide.yaml": job(
    "wide",
    `awk 'BEGIN { for (n = 1; n <= 60; n++) { printf "%d ", n; for (i = 0; i < 20000; i++) printf "w"; print "" } }'`,
  ),
  "first.yaml": job("first", "head -c 1200000 /dev/zero | tr '\\0' z; echo; echo why it failed; exit 1"),
};

let petit: Petit;
let agent: Agent;
const runs = new Map<string, string>();

const read = async (run: string, args: Readonly<Record<string, unknown>>) => {
  const answer = await agent.call("read_log", { run: runs.get(run), ...args });
  expect([answer.isError, answer.isError ? answer.text : ""]).toEqual([false, ""]);
  const numbers = answer.lines.map((line) => Number(line.split(" ", 1)[0]));
  return { ...answer, numbers };
};

beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS });
  agent = await connectHttp({ url: petit.url });
  for (const id of ["long", "wide", "first"]) {
    const response = await petit.fetch(`/api/jobs/${id}/trigger?wait=60`, { method: "POST" });
    const { run_id: run }: { run_id: string } = await response.json();
    runs.set(id, run);
  }
});

afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await petit?.[Symbol.asyncDispose]();
});

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("read_log", () => {
  test.each([
    [1, range(501, 501)],
    [2, range(501, 502)],
    [5, range(499, 503)],
    [10, range(497, 506)],
    [100, range(452, 551)],
  ])("with %d lines has the match in their middle", async (lines, numbers) => {
    const answer = await read("long", { match: "needle", lines });
    expect(answer.data.matching_lines).toEqual([501]);
    expect(answer.numbers).toEqual(numbers);
    expect(answer.data.cursor).toBe(String((numbers.at(-1) ?? 0) + 1));
  });

  test.each([
    ["1 w", range(1, 3)],
    ["60 w", range(58, 60)],
  ])("with the match %s at an end has the lines that are there", async (match, numbers) => {
    expect((await read("wide", { match, lines: 3 })).numbers).toEqual(numbers);
  });

  test("has the match also among long lines", async () => {
    const { numbers, data } = await read("wide", { match: "40 w", lines: 100 });
    expect(data.matching_lines).toEqual([40]);
    expect(numbers).toContain(40);
    expect(numbers).toEqual(range(numbers[0] ?? 0, numbers.at(-1) ?? 0));
  });

  test.each([undefined, 60, 100, 500, 17])(
    "shows the true last lines of long ones, if %p are asked for",
    async (lines) => {
      const { numbers, data } = await read("wide", { lines });
      expect(numbers.at(-1)).toBe(60);
      expect(numbers).toEqual(range(61 - numbers.length, 60));
      expect(data).toMatchObject({ total_lines: 60, earlier_lines: 60 - numbers.length });
      expect(numbers.length).toBeGreaterThanOrEqual(Math.min(lines ?? 100, 17));
    },
  );

  test("shows the last line after one of more than a page", async () => {
    const { lines, data } = await read("first", {});
    expect(lines.at(-1)).toEndWith("stdout| why it failed");
    expect(Number(data.earlier_lines) + lines.length).toBe(Number(data.total_lines));
  });

  test("reaches all lines with the cursors that it gives", async () => {
    const seen: number[] = [];
    let cursor: unknown = "1";
    for (let page = 0; page < 20 && cursor !== undefined; page++) {
      const { numbers, data } = await read("wide", { cursor });
      seen.push(...numbers);
      cursor = data.cursor;
    }
    expect(seen).toEqual([...range(1, 60)]);
  });
});
