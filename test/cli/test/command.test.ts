import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EXAMPLE_TEST } from "../../../src/cli/help/topics/tests.ts";
import { statOf } from "../../../src/engine/attempt/identity.ts";
import { cleanEnvironment, PETIT, petit, type TempFolder, tempFolder, textOf } from "../../support/cli.ts";
import { waitFor } from "../../support/engine/started-engine.ts";

const JOB = `id: load
params: { day: { default: today, pattern: "^[a-z]+$" } }
config: { table: rows }
environment: { TOKEN: { file: no-such-file } }
outputs: { rows: "\${{ tasks.store.outputs.rows }}" }
tasks:
  - id: fetch
    type: shell
    script: touch started
    timeout: 1m
  - id: store
    type: command
    command: no-such-program
    args: ["--day", "\${{ params.day }}"]
    stdin: "\${{ config.table }}"
    depends_on: [fetch]
    environment: { ROWS: "\${{ tasks.fetch.outputs.rows }}" }
    retry: { max_attempts: 2, delay: 10m, condition: transient_only }
  - id: alert
    type: shell
    script: "false"
    depends_on: [store]
    condition: on_failure
`;

/** Writes a job and a test of it. `fields` are those of the test, in YAML. */
const folderWith = (fields: string, job = JOB, id = "load"): TempFolder => {
  const folder = tempFolder();
  folder.write("jobs/load.yaml", job);
  folder.write("jobs/load.test.yaml", `job: ${id}\ntests:\n  - name: it\n${fields.replace(/^/gm, "    ")}\n`);
  return folder;
};

const runTest = async (folder: TempFolder, ...args: readonly string[]) => {
  const { status, stdout, stderr } = await petit(["test", "jobs", ...args], { cwd: folder.path });
  return { status, stdout, stderr };
};

const OTHER = "id: other\ntasks: [{id: a, type: shell, script: 'true'}]\n";

/** What is true of the job above, and what is not. */
type Case = readonly [name: string, given: string, expected: string, wrong: string, got: string];

const CASES: readonly Case[] = [
  ["the status of the run", "", "status: completed", "status: failed", "expect.status: expected failed, got completed"],
  [
    "the reason of the run",
    "tasks: {fetch: failed}",
    "reason: exit_code",
    "reason: timeout",
    "expect.reason: expected timeout, got exit_code",
  ],
  [
    "the status of a task",
    "",
    "tasks: {store: completed}",
    "tasks: {store: failed}",
    "expect.tasks.store: expected failed, got completed",
  ],
  [
    "the skipped tasks",
    "",
    "skipped: [alert]",
    "skipped: [store]",
    "expect.skipped[0]: expected store skipped, got completed",
  ],
  [
    "other skipped tasks",
    "",
    "skipped: [alert]",
    "skipped: []",
    "expect.skipped: expected no other skipped task, got alert",
  ],
  [
    "params in args",
    "params: {day: monday}",
    "tasks: {store: {args: [--day, monday]}}",
    "tasks: {store: {args: [--day, sunday]}}",
    'expected ["--day","sunday"], got ["--day","monday"]',
  ],
  [
    "outputs in variables",
    "tasks: {fetch: {outputs: {rows: 3}}}",
    "tasks: {store: {env: {ROWS: 3, PETIT_TASK_ID: store}}}",
    "tasks: {store: {env: {ROWS: 4}}}",
    "expect.tasks.store.env.ROWS: expected 4, got 3",
  ],
  [
    "secrets",
    "",
    'tasks: {fetch: {env: {TOKEN: "***"}, unset: [ROWS]}}',
    "tasks: {fetch: {unset: [TOKEN]}}",
    "expected TOKEN not to be set",
  ],
  [
    "standard input",
    "",
    "tasks: {store: {stdin: rows}}",
    "tasks: {store: {stdin: row}}",
    "expect.tasks.store.stdin: expected row, got rows",
  ],
  [
    "attempts",
    "tasks: {store: [{exit_code: 75}, {exit_code: 1}, completed]}",
    "tasks: {store: {attempts: 2, exit_code: 1}}",
    "tasks: {store: {attempts: 3}}",
    "expect.tasks.store.attempts: expected 3, got 2",
  ],
  [
    "attempts of a list that is too short",
    "tasks: {store: [{exit_code: 75}]}",
    "tasks: {store: {attempts: 3}, alert: completed}",
    "tasks: {store: completed}",
    "expected completed, got failed",
  ],
  [
    "signals",
    "tasks: {fetch: {signal: SIGSEGV}}",
    "tasks: {fetch: {reason: signal, error: SIGSEGV}}",
    "tasks: {fetch: {error: SIGKILL}}",
    "expected a text with 'SIGKILL'",
  ],
  [
    "timeouts",
    "tasks: {fetch: {takes: 2m}}",
    "tasks: {fetch: {reason: timeout}}",
    "tasks: {fetch: completed}",
    "expected completed, got failed",
  ],
  [
    "what takes as long as it may",
    "tasks: {fetch: {takes: 1m}}",
    "tasks: {fetch: completed}",
    "tasks: {fetch: failed}",
    "expected failed, got completed",
  ],
  [
    "outputs of the run",
    "tasks: {store: {outputs: {rows: 5}}}",
    "outputs: {rows: 5}",
    "outputs: {rows: 6}",
    "expect.outputs.rows: expected 6, got 5",
  ],
  [
    "params of the run",
    "",
    "params: {day: today}",
    "params: {day: monday}",
    "expect.params.day: expected monday, got today",
  ],
  ["refused params", "params: {day: '7'}", "refused: day", "status: completed", "expected a run, got no run: "],
  [
    "a run that should be refused",
    "",
    "status: completed",
    "refused: day",
    "expected no run, because of 'day', got a run",
  ],
];

describe("petit test", () => {
  test("compares all that can be expected", async () => {
    const testsOf = (pick: (each: Case) => string): string =>
      CASES.map(
        (each) => `  - {name: ${each[0]}, ${each[1]}${each[1] === "" ? "" : ", "}expect: {${pick(each)}}}\n`,
      ).join("");
    using folder = tempFolder();
    folder.write("jobs/load.yaml", JOB);
    folder.write("jobs/load.test.yaml", `job: load\ntests:\n${testsOf(([, , expected]) => expected)}`);
    const right = await runTest(folder);
    expect(right.stdout.split("\n").filter((line) => !line.startsWith("ok "))).toEqual([""]);
    expect(right.status).toBe(0);
    expect(existsSync(join(folder.path, "started"))).toBe(false);
    folder.write("jobs/load.test.yaml", `job: load\ntests:\n${testsOf(([, , , wrong]) => wrong)}`);
    const wrong = await runTest(folder);
    expect(wrong.status).toBe(1);
    const found = wrong.stdout.split("\n");
    for (const [index, [name, , , , got]] of CASES.entries()) {
      const at = found.indexOf(`FAIL load: ${name}`);
      expect(found[at + 1] ?? name).toContain(got);
      expect(found[at + 1]).toMatch(new RegExp(`^ {5}jobs/load\\.test\\.yaml:${index + 3}:\\d+: expect`));
    }
  });

  test("starts the process of a task with 'real: true', and only that", async () => {
    const job = `id: load
tasks:
  - { id: fetch, type: shell, script: 'echo "rows=$((1 + 2))" >> "$PETIT_OUTPUT"; echo "out of it"' }
  - { id: store, type: shell, script: exit 9, depends_on: [fetch], environment: { ROWS: "\${{ tasks.fetch.outputs.rows }}" } }
`;
    using folder = folderWith(
      "tasks: {fetch: {real: true}}\nexpect: {status: completed, tasks: {fetch: {output: out of, outputs: {rows: 3}}, store: {env: {ROWS: 3}}}}",
      job,
    );
    expect(await runTest(folder)).toMatchObject({ status: 0, stdout: "ok   load: it\n" });
  });

  test("ends a real process at its timeout", async () => {
    const job = "id: load\ntasks: [{ id: fetch, type: shell, script: sleep 600, timeout: 200ms }]\n";
    using folder = folderWith("tasks: {fetch: {real: true}}\nexpect: {tasks: {fetch: {reason: timeout}}}", job);
    expect(await runTest(folder)).toMatchObject({ status: 0, stdout: "ok   load: it\n" });
  });

  test.each(["SIGINT", "SIGTERM"] as const)("ends real processes at %s, and leaves nothing", async (signal) => {
    const script = "echo $$ > pid.new; mv pid.new pid; exec sleep 600";
    const job = `id: load\ntasks: [{ id: fetch, type: shell, script: "${script}", working_dir: DIR }]\n`;
    using folder = folderWith("tasks: {fetch: {real: true}}\nexpect: {status: completed}");
    folder.write("jobs/load.yaml", job.replace("DIR", folder.path));
    const temporary = join(folder.path, "tmp");
    mkdirSync(temporary);
    const [program = "", ...before] = PETIT;
    const child = spawn(program, [...before, "test", "jobs"], {
      cwd: folder.path,
      env: { ...cleanEnvironment(folder.path), TMPDIR: temporary },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    const errors = textOf(child.stderr);
    const pidFile = join(folder.path, "pid");
    await waitFor(() => existsSync(pidFile) || child.exitCode !== null);
    const pid = Number(readFileSync(pidFile, "utf8"));
    child.kill(signal);
    try {
      expect(await ended).toBe(1);
      expect(await errors).toContain(`interrupted by ${signal}; expected the end of the tests`);
      // The system takes it away when it has time.
      await waitFor(() => statOf(pid) === null || statOf(pid)?.state === "Z");
      expect(readdirSync(temporary)).toEqual([]);
    } finally {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended, as it should.
      }
    }
  });

  test("refuses other expectations beside a refusal", async () => {
    for (const field of ["status: completed", "reason: x", "error: x", "outputs: {a: 1}", "params: {day: x}"]) {
      using folder = folderWith(`params: {day: '7'}\nexpect: {refused: day, ${field}}`);
      const { status, stdout } = await runTest(folder);
      expect({ field, status, stdout }).toEqual({
        field,
        status: 1,
        stdout: expect.stringContaining("expected only one of refused, "),
      });
    }
    for (const field of ["tasks: {fetch: failed}", "skipped: [fetch]"]) {
      using folder = folderWith(`params: {day: '7'}\nexpect: {refused: day, ${field}}`);
      expect(await runTest(folder)).toMatchObject({
        status: 1,
        stdout: expect.stringContaining("expected only one of refused, "),
      });
    }
  });

  test("refuses stubs for items that a task does not have", async () => {
    const job =
      "id: load\ntasks: [{ id: f, type: shell, script: x, foreach: [x, y] }, { id: t, type: shell, script: x }]\n";
    using unknown = folderWith("tasks: {f: {items: {zz: failed}}}\nexpect: {status: completed}", job);
    expect(await runTest(unknown)).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("tasks.f.items.zz: expected an item, got only x, y"),
    });
    using none = folderWith("tasks: {t: {items: {x: failed}}}\nexpect: {status: completed}", job);
    expect(await runTest(none)).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("tasks.t.items: task 't' has no items; expected a task with foreach or matrix"),
    });
    using known = folderWith("tasks: {f: {items: {y: failed}}}\nexpect: {status: failed}", job);
    expect(await runTest(known)).toMatchObject({ status: 0 });
  });

  test.each([
    [
      "fetch: {signal: SIGKIL}",
      "tasks.fetch.signal: 'SIGKIL' is not a signal that ends a process; did you mean 'SIGKILL'?",
    ],
    ["each: {items: {x: [failed, {signal: SIGCHLD}]}}", "tasks.each.items.x[1].signal: 'SIGCHLD' is not a signal"],
    [
      "fetch: {signal: sigkill}",
      "tasks.fetch.signal: 'sigkill' is not a signal that ends a process; did you mean 'SIGKILL'?",
    ],
    [
      "ask: {outputs: {by: Ada, rows: 1}}",
      "tasks.ask.outputs.rows: an approval has no output 'rows'; expected by or comment",
    ],
    ["ask: {exit_code: 1}", "tasks.ask.exit_code: an approval has no process; expected a status"],
    ["ask: [completed, {signal: SIGFOO}]", "tasks.ask[1].signal: an approval has no process; expected a status"],
  ])("refuses the end %j of a stub", async (stub, problem) => {
    const job = `id: load
tasks: [{id: fetch, type: shell, script: x}, {id: each, type: shell, script: x, foreach: [x]}, {id: ask, type: approval}]
`;
    using folder = folderWith(`tasks: {${stub}}\nexpect: {status: completed}`, job);
    const { status, stdout } = await runTest(folder);
    expect([status, stdout]).toEqual([1, expect.stringMatching(/^jobs\/load\.test\.yaml:4:\d+: tests\[0\]\./)]);
    expect(stdout).toContain(problem);
  });

  test("refuses runs of jobs that a job does not depend on", async () => {
    using folder = folderWith("jobs: {other: completed}\nexpect: {status: completed}");
    folder.write("jobs/other.yaml", OTHER);
    const none = "job 'load' does not depend on a job 'other'; expected no jobs, because it has no depends_on";
    expect(await runTest(folder)).toMatchObject({
      status: 1,
      stdout: expect.stringContaining(`jobs/load.test.yaml:4:19: tests[0].jobs.other: ${none}`),
    });
    folder.write("jobs/load.yaml", `depends_on: [others]\n${JOB}`);
    folder.write("jobs/others.yaml", OTHER.replace("other", "others"));
    expect((await runTest(folder)).stdout).toContain("a job 'other'; did you mean 'others'?");
    folder.write("jobs/load.yaml", `depends_on: [other]\n${JOB}`);
    expect(await runTest(folder)).toMatchObject({ status: 0 });
  });

  test("says why a job has no occurrences", async () => {
    const job = "id: load\nschedule: '0 3 * * *'\nenabled: false\ntasks: [{ id: a, type: shell, script: x }]\n";
    const expected = "expect: {occurrences: {2027-02: 28, 2027-03-28: [2027-03-28T03:00], 2027-04: 0}}";
    using folder = folderWith(expected, job);
    const { stdout } = await runTest(folder);
    expect(stdout).toContain("occurrences.2027-02: expected 28, got none: the job has 'enabled: false'");
    expect(stdout).toContain("2027-03-28: expected [\"2027-03-28T03:00\"], got none: the job has 'enabled: false'");
    expect(stdout).not.toContain("2027-04");
    using due = folderWith("occurrence: 2027-03-28T03:00\nexpect: {status: completed}", job);
    expect((await runTest(due)).stdout).toContain(
      "an occurrence of the schedule, got none: the job has 'enabled: false'",
    );
    using unscheduled = folderWith("expect: {occurrences: {2027-02: 28}}");
    expect((await runTest(unscheduled)).stdout).toContain("expected 28, got none: the job has no schedule");
  });

  test("refuses a time before 1970", async () => {
    using folder = folderWith("at: 1969-12-31\nexpect: {status: completed}");
    expect(await runTest(folder)).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("at: expected a time after 1970-01-01T00:00:00Z, got 1969-12-31"),
    });
  });

  test("says what a run waits for that does not end", async () => {
    const job = "id: load\ntasks: [{ id: ask, type: approval }]\n";
    using folder = folderWith("tasks: {ask: {takes: 50d}}\nexpect: {status: completed}", job);
    const { status, stdout } = await runTest(folder);
    expect(status).toBe(1);
    expect(stdout).toContain("expected the end of the run, got a run that still waits after 31 days: ask");
  });

  test("runs a job at an occurrence of its schedule, which is local time", async () => {
    const job = `id: load
schedule: { cron: "30 2 * * *", timezone: Europe/Berlin, jitter: 5m }
tasks: [{ id: fetch, type: command, command: x, args: ["\${{ run.scheduled_for }}"] }]
`;
    const expected = "expect: {status: completed, tasks: {fetch: {args: ['2027-07-01T00:30:00.000Z']}}}";
    using folder = folderWith(`occurrence: 2027-07-01T02:30\n${expected}`, job);
    expect(await runTest(folder)).toMatchObject({ status: 0, stdout: "ok   load: it\n" });
    using other = folderWith(`occurrence: 2027-07-01T02:31\n${expected}`, job);
    expect((await runTest(other)).stdout).toContain(
      "expected an occurrence of the schedule, got no occurrence; the next one is 2027-07-02T02:30:00+02:00",
    );
  });

  test("compares the occurrences of months and days, in UTC without a time zone", async () => {
    const job = "id: load\nschedule: '0 3 * * *'\ntasks: [{ id: a, type: shell, script: x }]\n";
    using folder = folderWith(
      "expect: {occurrences: {2027-02: 28, 2027-03-28: [2027-03-28T03:00:00Z], 2027-12-31: [2027-12-31T03:00]}}",
      job,
    );
    expect(await runTest(folder)).toMatchObject({ status: 0 });
    expect((await runTest(folder, "--timezone", "Europe/Paris")).stdout).toContain(
      "expected no other occurrences, got 2027-03-28T03:00:00+02:00",
    );
    using wrong = folderWith("expect: {occurrences: {2027-02: 29, 2027-13: 3}}", job);
    const { stdout } = await runTest(wrong);
    expect(stdout).toContain("expect.occurrences.2027-02: expected 29, got 28");
    expect(stdout).toContain("expected a month or a day of the calendar, got 2027-13");
  });

  test("checks the params of other jobs, which it does not run", async () => {
    const job = `id: load
tasks: [{ id: sub, type: job, job: other, params: { day: "\${{ job.id }}" } }]
---
id: other
params: { day: { enum: [load, tuesday] } }
outputs: { rows: "\${{ tasks.a.outputs.rows }}" }
tasks: [{ id: a, type: shell, script: exit 3 }]
`;
    using folder = folderWith(
      "tasks: {sub: {outputs: {rows: 8}}}\nexpect: {tasks: {sub: {status: completed, params: {day: load}, outputs: {rows: 8}}}}",
      job,
    );
    expect(await runTest(folder)).toMatchObject({ status: 0 });
    using refused = folderWith(
      "expect: {tasks: {sub: {reason: child_failed, error: refused}}}",
      job.replace("[load", "[monday"),
    );
    expect(await runTest(refused)).toMatchObject({ status: 0 });
    using real = folderWith(
      "tasks: {sub: {real: true}}\nexpect: {status: failed, tasks: {sub: {error: exit code 3}}}",
      job,
    );
    expect(await runTest(real)).toMatchObject({ status: 0 });
  });

  test("lets events reach the triggers of a job", async () => {
    using folder = tempFolder();
    folder.write(
      "jobs/load.yaml",
      `id: load
params: { what: { default: none, pattern: "^[a-z./0-9]+$" } }
triggers:
  - { type: webhook, name: push, verify: github, secret: { file: nowhere }, events: [push, tag], if: "event.body.ok", params: { what: "\${{ event.headers.kind }}" } }
  - { type: webhook, name: slow, verify: token, secret: { file: nowhere }, debounce: { wait: 1h, max_wait: 5h }, params: { what: "\${{ event.body }}" } }
  - { type: files, name: files, paths: ["*.csv"], params: { what: "\${{ event.path }}" } }
  - { type: run, job: other, on: [failed], params: { what: "\${{ event.outputs.rows }}" } }
  - { type: nats, stream: orders, subject: "orders.*", params: { what: "\${{ event.subject }}" } }
tasks: [{ id: a, type: shell, script: "false", environment: { FROM: "\${{ event.type }}" } }]
---
id: other
outputs: { rows: "\${{ tasks.a.outputs.rows }}" }
tasks: [{ id: a, type: shell, script: "false" }]
`,
    );
    folder.write("events/body.json", '{"ok": true}');
    folder.write(
      "jobs/load.test.yaml",
      `job: load
tests:
  - { name: a webhook, event: { trigger: push, file: ../events/body.json, headers: { Kind: a1 } }, expect: { params: { what: a1 }, tasks: { a: { env: { FROM: push } } } } }
  - { name: another type, event: { trigger: push, type: tag, body: { ok: 1 }, headers: { kind: a1 } }, expect: { tasks: { a: { env: { FROM: tag } } } } }
  - { name: an unwanted type, event: { trigger: push, type: issue, body: { ok: true } }, expect: { refused: "skipped: event" } }
  - { name: a false condition, event: { trigger: push, body: { ok: false } }, expect: { refused: condition_not_met } }
  - { name: wrong params, event: { trigger: push, body: { ok: true }, headers: { kind: "?" } }, expect: { refused: "invalid_params, " } }
  - { name: a debounce, event: { trigger: slow, body: b }, expect: { status: completed, params: { what: b } } }
  - { name: a file, event: { trigger: files, paths: [/in/a.csv] }, expect: { params: { what: /in/a.csv } } }
  - { name: a run, event: { trigger: other, status: failed }, expect: { params: { what: none } } }
  - { name: a run that does not count, event: { trigger: other }, expect: { refused: no trigger follows a run that is completed } }
  - { name: a message, event: { trigger: orders, subject: orders.3, body: 1 }, expect: { params: { what: orders.3 } } }
`,
    );
    const { status, stdout } = await runTest(folder);
    expect(stdout.split("\n").filter((line) => !line.startsWith("ok "))).toEqual([""]);
    expect(status).toBe(0);
    folder.write(
      "jobs/load.test.yaml",
      `job: load
tests:
  - { name: no trigger, event: { body: 1 }, expect: { status: completed } }
  - { name: unknown, event: { trigger: pusch }, expect: { status: completed } }
  - { name: no file, event: { trigger: push, file: nowhere.json }, expect: { status: completed } }
  - { name: no paths, event: { trigger: files }, expect: { status: completed } }
  - { name: unknown output, event: { trigger: other, outputs: { row: 1 } }, expect: { status: completed } }
  - { name: a body of a run, event: { trigger: other, body: {} }, expect: { status: completed } }
  - { name: a status of files, event: { trigger: files, paths: [a.csv], status: failed }, expect: { status: completed } }
  - { name: a subject of a webhook, event: { trigger: push, subject: x }, expect: { refused: skipped } }
  - { name: paths of a message, event: { trigger: orders, paths: [a.csv] }, expect: { status: completed } }
`,
    );
    const wrong = await runTest(folder);
    expect(wrong.status).toBe(1);
    expect(wrong.stdout.split("\n").filter((line) => line.startsWith("    "))).toEqual([
      expect.stringContaining(
        "load.test.yaml:3:32: event: expected 'trigger', because the job has several, got push, slow, files, other, orders",
      ),
      expect.stringContaining(
        "event.trigger: expected a trigger of the job, got only push, slow, files, other, orders",
      ),
      expect.stringContaining("event.file: expected a file that can be read, got ENOENT"),
      expect.stringContaining("event.paths: expected the paths of files, got none"),
      expect.stringContaining("event.outputs.row: expected an output of job 'other', got row"),
      expect.stringContaining(
        "load.test.yaml:8:61: event.body: expected only status, params, outputs for a trigger of type run, got body",
      ),
      expect.stringContaining("event.status: expected only paths for a trigger of type files, got status"),
      expect.stringContaining(
        "event.subject: expected only type, body, file, headers for a trigger of type webhook, got subject",
      ),
      expect.stringContaining(
        "event.paths: expected only body, file, headers, subject for a trigger of type nats, got paths",
      ),
    ]);
  });

  test("has a report for programs, and one for CI", async () => {
    using folder = folderWith('expect: {status: failed, tasks: {alert: skipped}, error: "<&>\uFFFE"}');
    const { status, stdout } = await runTest(folder, "--json", "--junit", "report.xml");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      passed: false,
      tests: 1,
      failed: 1,
      problems: [],
      results: [
        {
          job_id: "load",
          name: "it",
          file: "jobs/load.test.yaml",
          line: 3,
          passed: false,
          differences: [
            { line: 4, path: "expect.status", expected: "failed", got: "completed" },
            { path: "expect.error", expected: "a text with '<&>\uFFFE'", got: "nothing" },
          ],
        },
      ],
    });
    const xml = readFileSync(join(folder.path, "report.xml"), "utf8");
    expect(xml).toContain('<testsuite name="jobs/load.test.yaml" tests="1" failures="1"');
    expect(xml).toContain('<testcase name="it" classname="load" file="jobs/load.test.yaml" line="3"');
    expect(xml).toContain("a text with &#39;&#60;&#38;&#62;\uFFFD&#39;".replaceAll("&#39;", "'"));
  });

  test("runs only the tests that are asked for", async () => {
    using folder = folderWith("expect: {status: failed}");
    folder.write("jobs/other.yaml", OTHER);
    folder.write("jobs/other.test.yml", "job: other\ntests: [{name: second, expect: {status: completed}}]\n");
    expect(await runTest(folder, "--only", "second")).toMatchObject({ status: 0, stdout: "ok   other: second\n" });
    expect(await runTest(folder, "--only", "other")).toMatchObject({ status: 0 });
    expect(await runTest(folder, "--only", "third")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("no test of jobs has 'third'"),
    });
  });

  test("fails without tests, with a broken test file, and with a broken job file", async () => {
    using folder = tempFolder();
    folder.write("jobs/other.yaml", OTHER);
    expect(await runTest(folder)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("no test found in jobs; expected *.test.yaml files"),
    });
    folder.write("jobs/other.test.yaml", "job: other\ntests: [{name: a, expect: {state: completed}}]\n");
    expect(await runTest(folder)).toMatchObject({
      status: 1,
      stdout: "jobs/other.test.yaml:2:28: tests[0].expect.state: unknown field; did you mean 'status'?\n",
    });
    folder.write("jobs/other.test.yaml", "job: other\ntests: [{name: a, expect: {status: completed}}]\n");
    folder.write("jobs/broken.yaml", "id: broken\n");
    expect(await runTest(folder)).toMatchObject({ status: 1, stdout: expect.stringContaining("jobs/broken.yaml:1:1") });
    expect((await petit(["test", "nowhere"], { cwd: folder.path })).status).toBe(2);
  });

  test("has a help with an example that is a test", async () => {
    using folder = tempFolder();
    const examples = join(import.meta.dirname, "../../../examples/jobs/data_pipeline.yaml");
    folder.write("jobs/data_pipeline.yaml", readFileSync(examples, "utf8"));
    folder.write("jobs/data_pipeline.test.yaml", EXAMPLE_TEST);
    expect(await runTest(folder)).toMatchObject({ status: 0 });
    expect((await petit(["help", "tests"])).stdout).toContain("loads what was extracted");
  });
});

describe("other commands", () => {
  test("leave test files out", async () => {
    using folder = folderWith("expect: {status: failed}");
    expect((await petit(["validate", "jobs"], { cwd: folder.path })).stdout).toBe("valid: 1 job, 3 tasks in jobs\n");
    const files = ["validate", "jobs/load.yaml", "jobs/load.test.yaml"];
    expect(await petit(files, { cwd: folder.path })).toMatchObject({ status: 0 });
    const { status, stderr } = await petit(["validate", "jobs/load.test.yaml"], { cwd: folder.path });
    expect(status).toBe(2);
    expect(stderr).toContain("jobs/load.test.yaml is a test file; expected job files");
  });
});
