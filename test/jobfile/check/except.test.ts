import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { tempDir } from "../../support/temp-dir.ts";

const folder = tempDir();
afterAll(() => folder[Symbol.dispose]());

const read = (except: string, text?: string) => {
  if (text !== undefined) writeFileSync(join(folder.path, "dates.txt"), text);
  const file = `id: j\nschedule: {cron: "@daily", except: ${except}}\ntasks: [{id: t, type: shell, script: x}]\n`;
  const { jobs, problems, references = [] } = readJobFile({ file: "f", folder: folder.path, text: file });
  return { except: jobs[0]?.schedule?.except, problems: problems.map(formatProblem), references };
};

describe("schedule.except", () => {
  test("has the dates of the list and of its files, each once and in order", () => {
    const text = "# holidays\r\n2027-01-01\r\n\r\n  2026-12-25 # Christmas\n2026-12-24";
    const { except, problems, references } = read('["2026-12-25", dates.txt, "2024-02-29"]', text);
    expect(problems).toEqual([]);
    expect(except).toEqual({ dates: ["2024-02-29", "2026-12-24", "2026-12-25", "2027-01-01"], files: ["dates.txt"] });
    expect(references).toEqual([{ path: join(folder.path, "dates.txt"), stamp: expect.any(String) }]);
    expect(read('"2026-12-25"').except).toEqual({ dates: ["2026-12-25"], files: [] });
    expect(read("[]").except).toBeUndefined();
    expect(read("dates.txt", "# none yet\n").except).toEqual({ dates: [], files: ["dates.txt"] });
  });

  test.each([
    ["2026-12-25\n25.12.2026\n", "dates.txt:2: '25.12.2026' is not a date; expected one such as 2026-12-25 per line"],
    ["2026-12-25 2026-12-26\n", "dates.txt:1: '2026-12-25 2026-12-26' is not a date"],
    ["", "the file 'dates.txt' is empty; expected one date per line"],
    ["#".repeat(2 ** 20 + 1), "the file 'dates.txt' is larger than 1 MiB"],
    [
      Array.from({ length: 4_001 }, (_, day) => new Date(day * 86_400_000).toISOString().slice(0, 10)).join("\n"),
      "names 4001 dates; expected at most 4000",
    ],
  ])("refuses the file %#", (text, problem) => {
    const { except, problems, references } = read("[dates.txt]", text);
    expect(except).toBeUndefined();
    expect(problems).toEqual([expect.stringMatching(/^f:2:3[67]: schedule\.except/)]);
    expect(problems[0]).toContain(problem);
    expect(references).toHaveLength(1);
  });
});
