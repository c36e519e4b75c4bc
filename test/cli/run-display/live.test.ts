import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { cleanEnvironment, PETIT } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const LONG_NAME = "a_job_with_a_name_that_is_longer_than_a_narrow_terminal_is_wide";

/** 25 tasks, two of which fail, t11 after t07. */
const MANY_TASKS = Array.from({ length: 25 }, (_, at) => {
  const id = `t${String(at).padStart(2, "0")}`;
  const script = { t07: "echo no space >&2; exit 3", t11: "echo no route >&2; exit 4" }[id] ?? "true";
  return `  - {id: ${id}, type: shell, script: "${script}"${id === "t11" ? ", depends_on: [t07], condition: all_done" : ""}}`;
}).join("\n");

const JOBS = `id: graph
params: {nap: {default: "0"}}
tasks:
  - {id: extract_the_rows, type: shell, script: "echo one; sleep $PETIT_PARAM_NAP"}
  - {id: flaky, type: shell, script: "test $PETIT_ATTEMPT = 2", retry: {max_attempts: 1}}
  - {id: boom, type: shell, script: "echo two; exit 3", depends_on: [extract_the_rows]}
  - {id: never, type: shell, script: "true", depends_on: [boom]}
---
id: many
tasks:
${MANY_TASKS}
---
id: spring
schedule: {cron: "30 2 * * *", timezone: America/New_York}
tasks: [{id: t, type: shell, script: "true"}]
---
id: ${LONG_NAME}
tasks: [{id: t, type: shell, script: "true"}]
`;

const hasScript = spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;

let running: Petit;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

/** Returns what petit writes to a terminal of that width. */
const onTerminal = (args: string, { columns = 100, environment = {} }: TerminalOptions = {}): string => {
  const command = `stty cols ${columns} rows 20; ${PETIT.join(" ")} ${args}`;
  const env = { ...cleanEnvironment(running.dir), TERM: "xterm-256color", PETIT_URL: running.url, ...environment };
  return spawnSync("script", ["-qec", command, "/dev/null"], { env, cwd: running.dir, encoding: "utf8" }).stdout;
};

type TerminalOptions = { readonly columns?: number; readonly environment?: Readonly<Record<string, string>> };

/** Removes escape sequences. */
const plain = (text: string): readonly string[] => stripVTControlCharacters(text).split(/[\r\n]+/);

// `script` from util-linux provides the terminal.
describe.skipIf(!hasScript)("a run that is followed on a terminal", () => {
  test("shows its tasks below its output, and updates them in place", () => {
    const seen = onTerminal("trigger graph --follow --param nap=1");
    const lines = plain(seen);
    expect(lines).toContainEqual(expect.stringMatching(/^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] extract_the_rows {2}running {4}\ds$/));
    expect(lines).toContain("extract_the_rows │ one");
    expect(lines).toContain("boom             │ two");
    const [, id = ""] = /^✗ run (\S+) failed/.exec(lines.find((line) => line.startsWith("✗ run")) ?? "") ?? [];
    expect(id).toMatch(/^[0-9a-f]{8}$/);
    const last = lines.slice(-9);
    expect(last).toEqual([
      expect.stringMatching(/^✓ extract_the_rows {2}completed {2}\S+$/),
      expect.stringMatching(/^✓ flaky {13}completed {2}\S+ +attempt 2$/),
      expect.stringMatching(/^✗ boom {14}failed {5}\S+ +exit code 3$/),
      expect.stringMatching(/^– never {13}skipped {12}upstream_failed$/),
      expect.stringMatching(/^✗ run \S+ failed in \S+: /),
      "  boom │ two",
      `  petit logs ${id} boom  prints the output of the failed task`,
      `  petit retry ${id}      reruns what did not complete`,
      "",
    ]);
    // The cursor moves up to the first task, and everything below is cleared.
    expect(seen).toContain("\u001b[4A\u001b[J");
  });

  test("ends with what failed if it has many tasks", () => {
    const lines = plain(onTerminal("trigger many --follow"));
    const from = lines.findLastIndex((line) => line.startsWith("✗ t07 "));
    const [, id = ""] = /^✗ run (\S+) failed/.exec(lines[from + 3] ?? "") ?? [];
    expect(lines.slice(from)).toEqual([
      expect.stringMatching(/^✗ t07 {2}failed .* exit code 3$/),
      expect.stringMatching(/^✗ t11 {2}failed .* exit code 4$/),
      "… 23 more: 23 completed",
      expect.stringMatching(/^✗ run \S+ failed in \S+: task 't07' failed: exit code 3 \(and 1 more\)$/),
      "  t07 │ no space",
      "  t11 │ no route",
      `  petit logs ${id} --failed  prints the output of the failed tasks`,
      `  petit retry ${id}          reruns what did not complete`,
      "",
    ]);
  });

  test("draws no line wider than the terminal", () => {
    const seen = onTerminal("trigger graph --wait --param nap=1", { columns: 30 });
    const drawn = plain(seen).filter((line) => /^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏✓✗–○●] (?!run )/.test(line));
    expect(drawn.length).toBeGreaterThan(5);
    for (const line of drawn) expect(line.length).toBeLessThan(30);
  });

  test("writes plain lines if the cursor can't be moved", () => {
    const seen = onTerminal("trigger graph --follow", { environment: { TERM: "dumb" } });
    expect(seen).not.toContain("\u001b");
    expect(plain(seen)).toContainEqual(expect.stringMatching(/^✗ boom failed in \S+: exit code 3$/));
  });

  test("draws nothing if its output is piped to another program", () => {
    const seen = onTerminal("trigger graph --follow | cat", { environment: { NO_COLOR: "1" } });
    expect(seen).not.toContain("\u001b");
    expect(plain(seen)).toContain("extract_the_rows │ one");
    expect(plain(seen)).not.toContainEqual(expect.stringContaining(" tasks done"));
  });
});

describe.skipIf(!hasScript)("the table of runs on a terminal", () => {
  test.each([[40], [60], [100], [200]])("fits into %d columns, with ids that every command accepts", (columns) => {
    onTerminal(`trigger ${LONG_NAME} --wait`);
    const lines = plain(onTerminal("runs", { columns })).filter((line) => line !== "");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    expect(lines[1]).toMatch(/^[0-9a-f]{8} {2}a_job_with_a/);
    expect(lines[1]).toContain("✓ completed");
    if (columns >= 100)
      expect(lines[1]).toMatch(columns > 100 ? / manual by 127\.0\.0\.1 +(now|\d+s ago) +\d/ : / (now|\d+s ago)$/);
    const id = lines[1]?.slice(0, 8) ?? "";
    expect(plain(onTerminal(`status ${id}`, { columns: 200 }))).toContainEqual(
      expect.stringMatching(new RegExp(`^run .*${id}$`)),
    );
  });

  test("has room for the error of a failed run in 80 columns", () => {
    onTerminal("trigger graph --wait");
    const lines = plain(onTerminal("runs graph", { columns: 80 }));
    expect(lines[0]).toMatch(/^RUN {7}JOB {4}STATUS {4}TRIGGER +STARTED +TOOK +(PARAMS +)?WHY$/);
    expect(lines[1]).toMatch(/^[0-9a-f]{8} {2}graph {2}✗ failed {2}manual \S.* boom: exit code 3 │ two$/);
  });

  test("says how to see older runs, with a short id", () => {
    onTerminal("trigger graph --wait");
    onTerminal("trigger graph --wait");
    const lines = plain(onTerminal("runs graph -n 1"));
    const id = lines[1]?.slice(0, 8) ?? "";
    expect(lines).toContain(`for older runs: --before ${id}`);
    expect(plain(onTerminal(`runs graph -n 1 --before ${id}`))[1]).not.toStartWith(id);
  });

  test("shows the status with a sign and a colour, without colours with the sign", () => {
    expect(onTerminal("runs")).toContain("\u001b[32m✓ completed\u001b[39m");
    const without = onTerminal("runs", { environment: { NO_COLOR: "1" } });
    expect(without).toContain("✓ completed");
    expect(without).not.toContain("\u001b");
  });
});

describe.skipIf(!hasScript)("the status of a run on a terminal", () => {
  test("ends with the last error lines and the next commands if it failed", () => {
    onTerminal("trigger graph --wait");
    const lines = plain(onTerminal("status graph"));
    const id = lines.find((line) => line.startsWith("run  "))?.slice(-8);
    expect(lines.slice(-4)).toEqual([
      "  boom │ two",
      `  petit logs ${id} boom  prints the output of the failed task`,
      `  petit retry ${id}      reruns what did not complete`,
      "",
    ]);
  });

  test("lists only those of many tasks that failed, and all with --all", () => {
    onTerminal("trigger many --wait");
    const lines = plain(onTerminal("status many"));
    const from = lines.findIndex((line) => line.startsWith("TASK "));
    expect(lines.slice(from + 1, from + 4)).toEqual([
      expect.stringMatching(/^t07 {3}✗ failed .* exit code 3$/),
      expect.stringMatching(/^t11 {3}✗ failed .* exit code 4$/),
      "… 23 more: 23 completed; --all lists them",
    ]);
    expect(plain(onTerminal("status many --all")).filter((line) => /^t\d\d /.test(line))).toHaveLength(25);
  });
});

describe.skipIf(!hasScript)("the output of a run on a terminal", () => {
  test("names the task of each line if several tasks ran", () => {
    onTerminal("trigger graph --wait");
    const lines = plain(onTerminal("logs graph"));
    expect(lines.slice(1)).toEqual(["extract_the_rows │ one", "boom             │ two", ""]);
    expect(plain(onTerminal("logs graph --raw")).slice(1)).toEqual(["one", "two", ""]);
    expect(plain(onTerminal("logs graph boom")).slice(1)).toEqual(["two", ""]);
    expect(plain(onTerminal("logs graph --failed")).slice(1)).toEqual(["two", ""]);
    expect(plain(onTerminal("logs graph --follow")).slice(1)).toEqual(lines.slice(1));
  });

  test("says that there is none", () => {
    onTerminal("trigger many --wait");
    expect(plain(onTerminal("logs many t00")).slice(1)).toEqual(["no output of t00", ""]);
    onTerminal("trigger spring --wait");
    const lines = plain(onTerminal("logs spring --failed"));
    expect(lines[1]).toMatch(/^no task of run [0-9a-f]{8} has failed$/);
  });
});

describe.skipIf(!hasScript)("a narrow terminal", () => {
  /** Commands to copy and long words are not wrapped. */
  const mayBeLong = (line: string): boolean => line.startsWith("  petit ") || /\S{24}/.test(line);

  test.each([
    ["list", "list jobs"],
    ["next", "next jobs spring --from 2026-03-07"],
    ["doctor", "doctor --no-api"],
    ["why", "why graph"],
    ["a command's help", "trigger --help"],
    ["help", "help"],
    ["a topic", "help schedules"],
  ])("needs no wrapping of its own for %s", (_name, args) => {
    const lines = plain(onTerminal(args, { columns: 40 }));
    expect(lines.filter((line) => line.length > 40 && !mayBeLong(line))).toEqual([]);
    expect(lines.length).toBeGreaterThan(4);
  });

  test("wraps the message of a check under its start", () => {
    const lines = plain(onTerminal("doctor --no-api", { columns: 40 }));
    expect(lines).toContain("✓ token         no token is set");
    expect(lines[lines.findIndex((line) => line.startsWith("✓ disk_space")) + 1]).toStartWith(" ".repeat(16));
  });
});

test.skipIf(!hasScript)("'list' and 'next' fit short times into 80 columns", () => {
  const list = plain(onTerminal("list jobs", { columns: 110 }));
  expect(list).toContainEqual(expect.stringMatching(/^spring +30 2 \* \* \* .*\d\d:\d\d E[SD]T +\S+ +1$/));
  const next = plain(onTerminal("next jobs", { columns: 80 }));
  expect(next[0]).toMatch(/^WHEN +IN +JOB +THEN$/);
  expect(next[1]).toMatch(/^.*\d\d:\d\d E[SD]T +\d+[hms]\S* +spring +\S.*\d\d:\d\d, \S.*\d\d:\d\d$/);
});

test.skipIf(!hasScript)("'next' colours only the mark of a daylight-saving shift", () => {
  const seen = onTerminal("next jobs spring -n 1 --from 2026-03-08");
  expect(seen).toContain("  \u001b[33mclock went forward: due at 02:30, which did not exist\u001b[39m\r\n");
});
