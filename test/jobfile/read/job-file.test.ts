import { describe, expect, test } from "bun:test";
import type { Job } from "../../../src/domain/job.ts";
import { loadPatterns } from "../../../src/domain/params/pattern.ts";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";

// Not in beforeAll: a group of tests below reads a job before any test runs.
await loadPatterns();

/** The jobs of a text in which nothing is wrong. */
const jobsOf = (text: string): readonly Job[] => {
  const content = readJobFile({ file: "dir/f.yaml", folder: "/jobs/dir", text });
  expect(content.problems.map(formatProblem)).toEqual([]);
  return content.jobs;
};

const jobOf = (text: string): Job => {
  const [job] = jobsOf(text);
  if (job === undefined) throw new Error("no job");
  return job;
};

/** The first task of a job that has these fields. */
const taskOf = (fields: string): Job["tasks"][number] => {
  const [task] = jobOf(`id: j\nparams: {p: {}}\ntasks:\n  - {id: t, ${fields}}`).tasks;
  if (task === undefined) throw new Error("no task");
  return task;
};

const MINIMAL = "id: j\ntasks: [{id: t, type: shell, script: echo}]";

describe("a minimal job", () => {
  test("has the defaults", () => {
    expect(JSON.parse(JSON.stringify(jobOf(MINIMAL)))).toEqual({
      id: "j",
      name: "j",
      description: null,
      enabled: true,
      schedule: null,
      maxConcurrency: null,
      onOverlap: "skip",
      timeoutMs: null,
      killGraceMs: null,
      onInterrupt: null,
      dependsOn: [],
      config: {},
      params: {},
      environment: {},
      inheritEnvironment: true,
      retention: { runs: null, days: null },
      tasks: [
        {
          id: "t",
          name: "t",
          dependsOn: [],
          condition: "all_success",
          program: { type: "shell", script: "echo", shell: ["/bin/sh", "-e"] },
          args: [],
          workingDir: null,
          stdin: null,
          environment: {},
          timeoutMs: null,
          retry: null,
        },
      ],
      source: {
        file: "dir/f.yaml",
        line: 1,
        folder: "/jobs/dir",
        document: { text: `${MINIMAL.trim()}\n`, line: 1 },
      },
    });
  });
});

describe("a job with every field", () => {
  const job = jobOf(`
id: full
name: Full Job
description: |
  Two
  lines
enabled: false
schedule: {cron: ["0 2 * * *", "@every 1h"], timezone: Europe/Paris, catchup: all, catchup_window: 30m, jitter: 30s}
max_concurrency: 2
on_overlap: queue
timeout: 2h
kill_grace: 250ms
on_interrupt: rerun
depends_on:
  - one
  - {job: two, condition: last_complete}
  - {job_id: three, condition: {within_window: {seconds: 1.5}}}
  - {job: four, condition: {within_window: 1h}}
  - {job: five}
config: {size: 1000, deep: {list: [1, null, "x", {a: true}]}}
params:
  day: {description: The day, default: 2026-01-01, pattern: "^\\\\d{4}"}
  level: {enum: [fast, 2, true], required: true}
  free:
environment: {TZ: UTC, PORT: 8080, SERIAL: 12345678901234567890, RATE: 1.50, DEBUG: true, EMPTY: , WHO: "\${{ params.level }} \${{ job.id }}"}
inherit_environment: false
retention: {runs: 10, days: 3}
tasks:
  - id: extract
    name: Extract
    type: command
    command: python3
    args: [extract.py, --day, "\${{ params.day }}", 1, 2.0, false, ""]
    working_dir: /srv/\${{ config.size }}
    timeout_secs: 300
    stdin: "\${{ run.scheduled_for }}"
    environment: {STAGE: extract}
    retry: {max_attempts: 3, delay_secs: 10, backoff: exponential, max_delay: 1m, condition: transient_only}
  - id: report
    type: typescript
    inline: true
    script: console.log(1)
    depends_on: [extract]
    condition: always
    environment: {ROWS: "\${{ tasks.extract.outputs.rows }}"}
    timeout: 5m
    retry: {max_attempts: 0}
`);

  test("has its durations in ms", () => {
    expect([job.timeoutMs, job.killGraceMs]).toEqual([7_200_000, 250]);
    expect(job.schedule).toEqual({
      expressions: ["0 2 * * *", "@every 1h"],
      timezone: "Europe/Paris",
      catchup: "all",
      catchupWindowMs: 1_800_000,
      jitterMs: 30_000,
    });
    expect(job.tasks.map((task) => task.timeoutMs)).toEqual([300_000, 300_000]);
  });

  test("has its policies and limits", () => {
    const { enabled, maxConcurrency, onOverlap, onInterrupt, inheritEnvironment, retention } = job;
    expect({ enabled, maxConcurrency, onOverlap, onInterrupt, inheritEnvironment, retention }).toEqual({
      enabled: false,
      maxConcurrency: 2,
      onOverlap: "queue",
      onInterrupt: "rerun",
      inheritEnvironment: false,
      retention: { runs: 10, days: 3 },
    });
  });

  test("has its gates in every form", () => {
    expect(JSON.parse(JSON.stringify(job.dependsOn))).toEqual([
      { jobId: "one", condition: "last_success", windowMs: null },
      { jobId: "two", condition: "last_complete", windowMs: null },
      { jobId: "three", condition: "within_window", windowMs: 1_500 },
      { jobId: "four", condition: "within_window", windowMs: 3_600_000 },
      { jobId: "five", condition: "last_success", windowMs: null },
    ]);
  });

  test("has its config as YAML values and its params as texts", () => {
    expect(job.config).toEqual({ size: 1000, deep: { list: [1, null, "x", { a: true }] } });
    expect(job.params).toEqual({
      day: { description: "The day", default: "2026-01-01", required: false, enum: null, pattern: "^\\d{4}" },
      level: { description: null, default: null, required: true, enum: ["fast", "2", "true"], pattern: null },
      free: { description: null, default: null, required: false, enum: null, pattern: null },
    });
  });

  test("keeps numbers and booleans of environment and args as written", () => {
    expect(job.environment).toEqual({
      TZ: "UTC",
      PORT: "8080",
      SERIAL: "12345678901234567890",
      RATE: "1.50",
      DEBUG: "true",
      EMPTY: "",
      WHO: "${{ params.level }} ${{ job.id }}",
    });
    expect(job.tasks[0]?.args).toEqual(["extract.py", "--day", "${{ params.day }}", "1", "2.0", "false", ""]);
  });

  test("has its retries with defaults", () => {
    expect(job.tasks.map((task) => task.retry)).toEqual([
      { maxAttempts: 3, delayMs: 10_000, backoff: "exponential", maxDelayMs: 60_000, condition: "transient_only" },
      { maxAttempts: 0, delayMs: 0, backoff: "fixed", maxDelayMs: 3_600_000, condition: "always" },
    ]);
  });

  test("has unique upstreams, and `always` becomes all_done", () => {
    expect(job.tasks[1]).toMatchObject({ dependsOn: ["extract"], condition: "all_done" });
  });

  test("survives a JSON round trip", () => {
    expect(JSON.parse(JSON.stringify(job))).toEqual(job);
  });
});

describe("a task's program", () => {
  test.each([
    ["type: command, command: ls", { type: "command", command: "ls" }],
    ["type: shell, script: ls", { type: "shell", script: "ls", shell: ["/bin/sh", "-e"] }],
    ["type: shell, script: ls, shell: [bash, -eu]", { type: "shell", script: "ls", shell: ["bash", "-eu"] }],
    ["type: python, script: print(1), inline: true", { type: "python", inline: true, text: "print(1)" }],
    ["type: typescript, script: x, inline: true", { type: "typescript", inline: true, text: "x" }],
  ] as const)("of %p is %p", (fields, program) => {
    expect(taskOf(fields).program).toEqual(program as never);
  });

  test("can be a file that is known only at run time", () => {
    const fields = 'type: python, script: nowhere.py, working_dir: "${{ params.p }}"';
    expect(taskOf(fields).program).toEqual({ type: "python", inline: false, file: "nowhere.py" });
  });
});

describe("an empty value", () => {
  test("is the same as a missing one", () => {
    const lines = [
      "name",
      "description",
      "schedule",
      "timeout",
      "params",
      "environment",
      "config",
      "retention",
      "depends_on",
    ];
    const text = `${lines.map((name) => `${name}:`).join("\n")}\n${MINIMAL}`;
    expect(jobOf(text)).toEqual({ ...jobOf(MINIMAL), source: expect.objectContaining({ line: 1 }) });
  });

  test("of a task is the same as a missing one", () => {
    expect(taskOf("type: shell, script: x, args: , timeout: , timeout_secs: 1, retry: , stdin: ")).toEqual(
      taskOf("type: shell, script: x, timeout: 1s"),
    );
  });
});

describe("a file", () => {
  test("can contain several documents, some of them empty", () => {
    const text = `---\n${MINIMAL}\n---\n# nothing\n---\n\nid: k\ntasks: [{id: t, type: shell, script: x}]\n...\n---\n`;
    expect(jobsOf(text).map((job) => [String(job.id), job.source.line])).toEqual([
      ["j", 2],
      ["k", 8],
    ]);
  });

  test("with only comments contains no job", () => {
    expect(jobsOf("# later\n\n# perhaps\n")).toEqual([]);
  });

  test("can start with a byte order mark and use CRLF", () => {
    expect(jobsOf(`\uFEFF${MINIMAL.replaceAll("\n", "\r\n")}\r\n`)).toHaveLength(1);
  });

  test("can use anchors, aliases and merges", () => {
    const job = jobOf(`
id: j
config: &c {a: 1, b: 2}
environment: {BASE: &base x}
tasks:
  - &first {id: a, type: shell, script: x, environment: &env {A: "1", B: "2"}}
  - {<<: *first, id: b, environment: {<<: *env, B: "3"}}
  - {&key stdin: t, <<: [{stdin: s}, *first], id: c, args: [*base, <<, "<<", *key]}
`);
    expect(job.tasks.map((task) => task.environment)).toEqual([
      { A: "1", B: "2" },
      { A: "1", B: "3" },
      { A: "1", B: "2" },
    ]);
    expect(job.tasks[2]).toMatchObject({ stdin: "t", args: ["x", "<<", "<<", "stdin"], program: { script: "x" } });
  });

  test("can use an alias many times", () => {
    const tasks = Array.from({ length: 900 }, (_, index) => `  - {id: t${index}, type: shell, script: *s}`);
    expect(jobOf(`id: j\nname: &s x\ntasks:\n${tasks.join("\n")}`).tasks).toHaveLength(900);
  });

  test("can nest 100 levels deep, with aliases expanded", () => {
    const lists = (depth: number, text = ""): string => `${"[".repeat(depth)}${text}${"]".repeat(depth)}`;
    expect(jobsOf(`config: {a: ${lists(98)}}\n${MINIMAL}`)).toHaveLength(1);
    expect(jobsOf(`config: {a: &a ${lists(60)}, b: &b [[*a]], c: ${lists(36, "*b")}}\n${MINIMAL}`)).toHaveLength(1);
  });

  test("can require a param that has a default, as in GitHub workflows", () => {
    const job = jobOf(`params: {a: {default: x, required: true}}\n${MINIMAL}`);
    expect(job.params).toMatchObject({ a: { default: "x", required: true } });
  });

  test("can have tabs or a YAML block in a schedule, which becomes one line", () => {
    const block = jobOf(`id: j\nschedule: >\n  0 2\n  * * *\ntasks: [{id: t, type: shell, script: x}]\n`);
    expect(block.schedule?.expressions).toEqual(["0 2 * * *"]);
    const tabs = jobOf(`id: j\nschedule: ["0\t2\t* * *", "@every\t1h "]\ntasks: [{id: t, type: shell, script: x}]\n`);
    expect(tabs.schedule?.expressions).toEqual(["0 2 * * *", "@every 1h"]);
  });

  test("can declare YAML 1.1, with its booleans and merges, and with dates as texts", () => {
    const job = jobOf(`%YAML 1.1
---
id: j
enabled: no
config: {a: &a {x: 1}, b: {<<: *a, y: 2}, day: 2026-01-01, 2026-01-02: z}
tasks: [{id: t, type: shell, script: x}]
`);
    expect(job.enabled).toBe(false);
    expect(job.config).toEqual({ a: { x: 1 }, b: { x: 1, y: 2 }, day: "2026-01-01", "2026-01-02": "z" });
  });

  test("has numeric keys as texts and keeps keys that are special in JavaScript", () => {
    const { config } = jobOf(`config: {1: a, true: b, __proto__: {x: 1}, constructor: 2}\n${MINIMAL}`);
    expect(Object.entries(config)).toEqual([
      ["1", "a"],
      ["true", "b"],
      ["__proto__", { x: 1 }],
      ["constructor", 2],
    ]);
  });
});
