import { describe, expect, test } from "bun:test";
import { type ConvertedJob, convertJob } from "../../../../src/cli/import/petit-rs/convert-job.ts";

const convert = (text: string): ConvertedJob =>
  convertJob({ file: "a.yaml", text, path: "a.yaml", workingDir: "/srv", now: Date.UTC(2026, 0, 1) });

const rewritten = (text: string): string => {
  const { files, problems } = convert(text);
  return problems.length > 0 ? JSON.stringify(problems) : (files[0]?.text ?? "");
};

const notesOf = (text: string): readonly string[] => convert(text).fates.flatMap(({ notes }) => notes);

const TASKS = "tasks: [{id: t, type: command, command: echo}]";
const IN_UTC = "timezone: UTC, catchup: none}";
const GATE = "# Left out: the Rust petit does not enforce the 'depends_on' of a job.";

describe("a job file of the Rust petit keeps its form", () => {
  test.each([
    [
      "in a flow map",
      `{id: a, depends_on: [x, {job: y}], schedule: "0 9 * * 2", ${TASKS}, zone: 'it''s, z'}`,
      `{id: a, schedule: {cron: "0 9 * * 1", ${IN_UTC}, ${TASKS}}`,
    ],
    [
      "with a schedule in a flow map",
      `id: a\nschedule: {jitter: 5s, cron: 0 9 * * 2, catchup_window: 1h} # c\n${TASKS}`,
      `id: a\nschedule: {cron: "0 9 * * 1", timezone: UTC, catchup: none} # c\n${TASKS}`,
    ],
    [
      "with a flow map that loses its first and its last fields",
      `id: a\ntasks:\n- {b: 1, c: [2, {d: 3}], id: t, e: "}", type: command, command: x, f: 4, g: 5 }\n`,
      "id: a\ntasks:\n- {id: t, type: command, command: x }\n",
    ],
    [
      "with a task that loses its first fields",
      "id: a\ntasks:\n  - cwd: x\n    user: y\n    id: t\n    type: command\n    command: echo\n",
      "id: a\ntasks:\n  - id: t\n    type: command\n    command: echo\n",
    ],
    [
      "with a flow map on several lines with comments",
      `id: a\nschedule: {\n  zone: x, # z }\n  cron: "@daily" # c, }\n  }\n${TASKS}\n`,
      `id: a\nschedule: {\n  cron: "@daily", timezone: UTC, catchup: none # c, }\n  }\n${TASKS}\n`,
    ],
    [
      "with CRLF",
      `id: a\r\nschedule: '@daily'   # x\r\ndepends_on:\r\n  - b\r\n${TASKS}\r\n`,
      `id: a\r\nschedule: {cron: "@daily", ${IN_UTC}   # x\r\n${GATE}\n# depends_on:\r\n#   - b\r\n${TASKS}\r\n`,
    ],
    [
      "with an expression in a block",
      `id: a\nschedule: >-\n  0 9\n  * * 2\n${TASKS}\n`,
      `id: a\nschedule: {cron: "0 9 * * 1", ${IN_UTC}\n${TASKS}\n`,
    ],
    [
      "with an alias for an expression",
      `id: a\nname: &n "0 9 * * 2"\nschedule: *n   # c\n${TASKS}\n`,
      `id: a\nname: &n "0 9 * * 2"\nschedule: {cron: "0 9 * * 1", ${IN_UTC}   # c\n${TASKS}\n`,
    ],
    [
      "with an empty time zone",
      `id: a\nschedule:\n  cron: "@daily"\n  timezone:   # none\n${TASKS}\n`,
      `id: a\nschedule:\n  cron: "@daily"\n  catchup: none\n  timezone: UTC   # none\n${TASKS}\n`,
    ],
    [
      "with a null as the time zone",
      `id: a\nschedule: {timezone: ~, cron: "@daily"}\n${TASKS}\n`,
      `id: a\nschedule: {timezone: UTC, cron: "@daily", catchup: none}\n${TASKS}\n`,
    ],
    ["with an empty schedule", `id: a\nschedule:\n${TASKS}\n`, `id: a\nschedule:\n${TASKS}\n`],
    [
      "with a field that is left out at the end, without a line break",
      `id: a\n${TASKS}\ndepends_on: [b]`,
      `id: a\n${TASKS}\n${GATE}\n# depends_on: [b]`,
    ],
    [
      "with a list at the indentation of its key, and comments",
      `id: a\ndepends_on:\n- b\n\n# c\n- d\n\n# the tasks\n${TASKS}\n`,
      `id: a\n${GATE}\n# depends_on:\n# - b\n\n# c\n# - d\n\n# the tasks\n${TASKS}\n`,
    ],
    ["with quoted keys", `"id": a\n'depends_on': [b]\n${TASKS}\n`, `"id": a\n${GATE}\n# 'depends_on': [b]\n${TASKS}\n`],
    [
      "with a left out field as the first of a task",
      "id: a\ntasks:\n  - cwd: x\n    id: t\n    type: command\n    command: echo\n",
      "id: a\ntasks:\n  - id: t\n    type: command\n    command: echo\n",
    ],
    [
      "with an anchor for two tasks",
      `id: a\ntasks:\n- {id: t, type: command, command: x, environment: &e {A: null}}\n- {id: u, type: command, command: x, environment: *e}\n`,
      `id: a\ntasks:\n- {id: t, type: command, command: x, environment: &e {A: "null"}}\n- {id: u, type: command, command: x, environment: *e}\n`,
    ],
    [
      "with an anchor in a field that is left out",
      `id: a\nx-retry: &r {max_attempts: 1, delay_secs: 1}\ntasks:\n- id: t\n  type: command\n  command: x\n  retry: *r # c\n`,
      `id: a\n# Left out: the Rust petit ignores the field 'x-retry'.\n# x-retry: &r {max_attempts: 1, delay_secs: 1}\ntasks:\n- id: t\n  type: command\n  command: x\n  retry: {"max_attempts":1,"delay_secs":1} # c\n`,
    ],
  ])("%s", (_, text, expected) => {
    expect(rewritten(text)).toBe(expected);
  });
});

describe("a python task becomes the command that the Rust petit runs", () => {
  const task = (fields: string): string => `id: a\ntasks:\n  - id: t\n${fields}`;
  test.each([
    [
      "a quoted program",
      "    type: python\n    script: 'print(\"it''s\")'\n    inline: true\n    condition: all_done\n",
      "    type: command\n    command: python\n    args: [-c, 'print(\"it''s\")']\n    condition: all_done\n",
    ],
    [
      "a file",
      "    type: python\n    inline: false\n    script: a b.py # c\n",
      '    type: command\n    command: python\n    args: ["a b.py"] # c\n',
    ],
    [
      "a program in a block",
      "    inline: true\n    script: |2\n        x = '${{ y }}'\n      print(x)\n\n    type: python\n",
      "    command: python\n    args:\n    - -c\n    - |2\n        x = '${{ config.dollar }}{{ y }}'\n      print(x)\n\n    type: command\n",
    ],
  ])("%s", (_, before, after) => {
    const config = after.includes("dollar") ? 'id: a\nconfig: {dollar: "$"}\n' : "id: a\n";
    expect(rewritten(task(before))).toBe(task(after).replace("id: a\n", config));
  });

  test("with fields that are left out before it", () => {
    const before = "id: a\ntasks:\n- cwd: x\n  inline: true\n  type: python\n  id: t\n  script: x()\n";
    expect(rewritten(before)).toBe('id: a\ntasks:\n- type: command\n  id: t\n  command: python\n  args: [-c, "x()"]\n');
  });

  test("in a flow map", () => {
    expect(rewritten(`id: a\ntasks: [{"id":"t","type":"python","inline":true,"script":"x=[1,2]"}]`)).toBe(
      `id: a\ntasks: [{"id":"t","type":command,command: python, args: [-c, "x=[1,2]"]}]`,
    );
  });
});

describe("${{ in a job file of the Rust petit", () => {
  const task = (args: string): string => `tasks:\n  - {id: t, type: command, command: echo, args: [${args}]}\n`;
  test.each([
    ["", 'config: {dollar: "$"}\n'],
    ["config:\n", 'config: {dollar: "$"}\n'],
    ["config: {}\n", 'config: {dollar: "$"}\n'],
    ["config: {b: 1}\n", 'config: {dollar: "$", b: 1}\n'],
    ["config:\n  b: 1\n", 'config:\n  dollar: "$"\n  b: 1\n'],
  ])("stays a text, with the config %j", (before, after) => {
    expect(rewritten(`id: a\n${before}${task('"${{ b }}"')}`)).toBe(
      `id: a\n${after}${task('"${{ config.dollar }}{{ b }}"')}`,
    );
  });

  test("is a problem if the config has that key", () => {
    expect(convert(`id: a\nconfig: {dollar: 1}\n${task('"${{ b }}"')}`).problems).toEqual([
      {
        file: "a.yaml",
        line: 2,
        message: "'${{' can't be written here, because the config has 'dollar'; expected another key",
      },
    ]);
  });
});

describe("an id of a job file of the Rust petit", () => {
  const job = (id: string, first: string, second: string): string =>
    `id: ${id}\nname: A\ntasks:\n- {id: ${first}, type: command, command: x}\n- {id: t, type: command, command: x, depends_on: [${second}]}\n`;
  test.each([
    ["a b", "a-b"],
    ["'[1]'", '"1"'],
    ["' true'", '"true"'],
    ["7", '"7"'],
    ["-7", '"7"'],
    ["ü", "job"],
  ])("%s becomes %s", (before, after) => {
    expect(rewritten(job(before, "x", "x"))).toBe(job(after, "x", "x"));
    expect(rewritten(job("a", before, before))).toBe(job("a", after, after));
  });

  test("does not become the id of another task", () => {
    expect(rewritten(job("a", "'t!'", "'t!'"))).toBe(job("a", "t-2", "t-2"));
  });
});

describe("what stays different is said", () => {
  test.each([
    ["30 2 * * *", "a time that the clock of Europe/Paris skips runs right after it; the Rust petit leaves it out"],
    [
      "30 2 * * *",
      "in the hour that the clock of Europe/Paris repeats, it runs once; the Rust petit starts it again and again there",
    ],
    [
      "*/30 * * * *",
      "in the hour that the clock of Europe/Paris repeats, it runs as real time goes; the Rust petit starts it again and again there",
    ],
  ])("for '%s' where the clock changes", (cron, note) => {
    expect(notesOf(`id: a\nschedule: {cron: "${cron}", timezone: Europe/Paris}\n${TASKS}`)).toContain(note);
  });

  test.each(["30 4 * * *", "30 2 * * 2"])("but nothing for '%s', which no change of the clock concerns", (cron) => {
    expect(notesOf(`id: a\nschedule: {cron: "${cron}", timezone: Europe/Paris}\n${TASKS}`).join()).not.toContain(
      "clock",
    );
  });

  test("for on_failure after a task that a failure can skip", () => {
    const task = (id: string, rest: string): string => `  - {id: ${id}, type: command, command: x, ${rest}}\n`;
    const chain = (condition: string): string =>
      `id: a\ntasks:\n${task("one", "depends_on: []")}${task("two", `depends_on: [one], condition: ${condition}`)}${task("three", "depends_on: [two], condition: on_failure")}`;
    expect(notesOf(chain("all_success"))).toEqual([
      "task 'three' also runs if 'two' is skipped because of a failure before it; the Rust petit skips it then",
    ]);
    expect(notesOf(chain("all_done"))).toEqual(["nothing had to be changed"]);
  });
});
