import { beforeAll, describe, expect, test } from "bun:test";
import { loadPatterns } from "../../../src/domain/params/pattern.ts";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { measureCpu } from "../../support/cpu-time.ts";

beforeAll(loadPatterns);

/** Reads a file and answers its problems, without the file's name. */
const problemsOf = (text: string): readonly string[] =>
  readJobFile({ file: "f", folder: import.meta.dirname, text }).problems.map((problem) =>
    formatProblem(problem).slice(2),
  );

const TASKS = "tasks: [{id: t, type: shell, script: echo}]";

/** A job with these lines at its top, from line 2 on. */
const job = (...lines: string[]): string => ["id: j", ...lines, TASKS].join("\n");

/** A job whose second task has these fields; it stands in line 4. */
const task = (fields: string, more = ""): string =>
  `id: j\ntasks:\n  - {id: up, type: shell, script: echo}\n  - {id: t, ${fields}}\n${more}`;

const cases: readonly (readonly [mistake: string, file: string, problem: string])[] = [
  // Conditions.
  ["an empty expression", task("type: shell, script: x, if: ' '"), "tasks[1].if"],
  [
    "an expression that ends too early",
    task(`type: shell, script: x, if: "params.a =="`, "params: {a: {}}\n"),
    "4:51: tasks[1].if: is not an expression: unexpected end of expression: '=='",
  ],
  [
    "an unknown function",
    task('type: shell, script: x, if: "success()"'),
    "4:42: tasks[1].if: is not an expression: unrecognized function: 'success'",
  ],
  [
    "an unknown name in an expression",
    task(`type: shell, script: x, if: "1 == 1 && env.X == ''"`),
    "4:52: tasks[1].if: is not an expression: unrecognized named-value: 'env'",
  ],
  [
    "a name in an expression that a text before it has too",
    task(`type: shell, script: x, if: "'env' == env.X"`),
    "4:51: tasks[1].if: is not an expression: unrecognized named-value: 'env'",
  ],
  [
    "an unknown param in brackets",
    task(`type: shell, script: x, if: "params.a == params['b']"`, "params: {a: {}}\n"),
    "4:54: tasks[1].if: there is no param 'b'",
  ],
  [
    "an expression on several lines",
    "id: j\ntasks:\n  - id: t\n    type: shell\n    script: x\n    if: |\n      1 == 1 &&\n      env.X",
    "8:7: tasks[0].if: is not an expression: unrecognized named-value: 'env'",
  ],
  [
    "an unknown param in an expression",
    task(`type: shell, script: x, if: "params.levl == 'x'"`, "params: {level: {}}\n"),
    "4:42: tasks[1].if: there is no param 'levl'; did you mean 'level'?",
  ],
  [
    "a task that is not upstream in an expression",
    task(`type: shell, script: x, if: "tasks.up.status == 'failed'"`),
    "4:42: tasks[1].if: task 'up' is not upstream of 't'",
  ],
  [
    "an unknown field of a task in an expression",
    task(`type: shell, script: x, depends_on: [up], if: "tasks.up.result == 'failed'"`),
    "tasks[1].if: tasks.up has no 'result'; expected outputs or status",
  ],
  [
    "an item in the expression of a task without items",
    task(`type: shell, script: x, if: "item == 1"`),
    "tasks[1].if: the task has no item",
  ],
  [
    "an expression with a mistake in a template",
    task(`type: shell, script: x, args: ["\${{ params.a == }}"]`, "params: {a: {}}\n"),
    "tasks[1].args[0]: ${{ params.a == }} is not an expression: unexpected end",
  ],
  [
    "the name that another tool has for it",
    task("type: shell, script: x, continue_on_error: true"),
    "4:37: tasks[1].continue_on_error: unknown field; did you mean 'allow_failure'?",
  ],
  [
    "allow_failure without exit codes",
    task("type: shell, script: x, allow_failure: {exit_codes: []}"),
    "is an empty list",
  ],
  ["an exit code that is none", task("type: shell, script: x, skip_exit_codes: [0]"), "tasks[1].skip_exit_codes[0]"],
  [
    "artifacts at an absolute path",
    task("type: shell, script: x, artifacts: [out/a, /etc/*]"),
    "4:56: tasks[1].artifacts[1]: '/etc/*' is an absolute path; expected a pattern below the working directory, such as out/*.csv",
  ],
  [
    "artifacts outside of the working directory",
    task("type: shell, script: x, artifacts: [out/../../x]"),
    "tasks[1].artifacts[0]: 'out/../../x' leads out of the working directory by '..'",
  ],
  [
    "artifacts that are misspelt",
    task("type: shell, script: x, artefacts: [a]"),
    "tasks[1].artefacts: unknown field; did you mean 'artifacts'?",
  ],
  [
    "artifacts of a task without a process",
    task("type: approval, artifacts: [a]"),
    "tasks[1].artifacts: has no effect here; an approval task has no process",
  ],
  // Fields.
  ["an unknown field", job("foo: 1"), "2:1: foo: unknown field; expected one of id, name,"],
  ["a misspelt field", job("scheduel: '@daily'"), "2:1: scheduel: unknown field; did you mean 'schedule'?"],
  [
    "a misspelt field that is required",
    "id: j\ntsks: [{id: t, type: shell, script: x}]",
    "2:1: tsks: unknown field; did you mean 'tasks'?",
  ],
  [
    "a misspelt field of a task",
    task("type: shell, scrpt: x"),
    "4:26: tasks[1].scrpt: unknown field; did you mean 'script'?",
  ],
  ["a field given twice", job("name: a", "name: b"), "3:1: name: given twice; expected each field once"],
  ["a task's field given twice", task("type: shell, script: a, script: b"), "4:37: tasks[1].script: given twice"],
  ["a missing id", TASKS, '1:1: id: missing; it is required, for example "data_pipeline"'],
  ["an empty id", `id:\n${TASKS}`, "1:1: id: is empty; it is required"],
  ["an id of no characters", `id: ""\n${TASKS}`, "1:5: id: is an empty text; expected a job's id"],
  ["an id with a space", `id: a b\n${TASKS}`, "1:5: id: 'a b' is not a job's id: 1 to 128 letters"],
  [
    "an id that is a number",
    `id: 7\n${TASKS}`,
    "1:5: id: is a number; expected a job's id: 1 to 128 letters, digits, '_', '.' and '-', the first one a letter or a digit; put it in quotes: \"7\"",
  ],
  [
    "an id with a control character",
    `id: "a\\u0007"\n${TASKS}`,
    "1:5: id: contains the character U+0007; expected a job's id",
  ],
  [
    "a name with a line break",
    job('name: "a\\nb"'),
    "2:7: name: contains the character U+000A; expected a name without it",
  ],
  ["a name that turns the text around", job('name: "a\\u202eb"'), "2:7: name: contains the character U+202E"],
  ["a name with half a character", job('name: "a\\ud800"'), "2:7: name: contains an unpaired surrogate"],
  ["an empty name", job('name: "  "'), "2:7: name: is an empty text; expected a name"],
  ["a long name", job(`name: ${"x".repeat(257)}`), "2:7: name: has 257 characters; expected at most 256"],
  ["a description that rings", job('description: "a\\u0007"'), "2:14: description: contains the character U+0007"],
  ["a text that is a map", job("name: {a: b}"), "2:7: name: is a map; expected a name"],
  ["a boolean that is a text", job("enabled: yes"), "2:10: enabled: is a text; expected true or false"],
  // Exceptions of a schedule.
  [
    "an excepted date that does not exist",
    job("schedule: {cron: '@daily', except: ['2026-02-30']}"),
    "2:37: schedule.except[0]: '2026-02-30' is not a date that exists; expected an ISO date such as 2026-12-25,",
  ],
  [
    "an excepted date in another form",
    job("schedule: {cron: '@daily', except: 25.12.2026}"),
    "2:36: schedule.except: '25.12.2026'",
  ],
  [
    "a missing file of dates",
    job("schedule: {cron: '@daily', except: ['2026-12-25', gone.txt]}"),
    "2:51: schedule.except[1]: the file 'gone.txt' was not found at",
  ],
  [
    "a folder as a file of dates",
    job("schedule: {cron: '@daily', except: [.]}"),
    "schedule.except[0]: '.' is not a regular file",
  ],
  [
    "an excepted date twice",
    job("schedule: {cron: '@daily', except: ['2026-12-25', '2026-12-25']}"),
    "schedule.except[1]: '2026-12-25' is item 0 as well; expected each once",
  ],
  ["a number as an excepted date", job("schedule: {cron: '@daily', except: [20261225]}"), "put it in quotes"],
  // Files that start runs.
  [
    "a files trigger without paths",
    job("triggers: [{type: files}]"),
    "2:12: triggers[0].paths: missing; a files trigger needs it",
  ],
  [
    "a files trigger with a field of webhooks",
    job("triggers: [{type: files, paths: [a], events: [push]}]"),
    "2:46: triggers[0].events: is not a field of a files trigger; expected paths, settle,",
  ],
  [
    "a path that matches nothing",
    job("triggers: [{type: files, paths: [/srv/in/.*]}]"),
    "2:34: triggers[0].paths[0]: '/srv/in/.*' matches nothing, because names that begin with a dot never match",
  ],
  [
    "a maximum of files without `batch: all`",
    job("triggers: [{type: files, paths: [a], max: 5}]"),
    "2:43: triggers[0].max: has no effect here; expected 'batch: all' beside it",
  ],
  [
    "too many files for a run",
    job("triggers: [{type: files, paths: [a], batch: all, max: 1001}]"),
    "2:55: triggers[0].max: 1001 is out of bounds; expected a whole number from 1 to 1000",
  ],
  [
    "a short interval",
    job("triggers: [{type: files, paths: [a], interval: 10ms}]"),
    "2:48: triggers[0].interval: '10ms' is too short; expected at least 1s",
  ],
  [
    "an unknown name in `done`",
    job("triggers: [{type: files, paths: [a], done: '${{ run.id }}.ok'}]"),
    "triggers[0].done: run is not known when an event arrives; expected event, config or job",
  ],
  [
    "a field that the event of a webhook does not have",
    job("triggers: [{type: webhook, verify: github, secret: {env: S}, if: 'event.bdy.x == 1'}]"),
    "2:67: triggers[0].if: the event of a webhook trigger has no 'bdy'; did you mean 'body'?",
  ],
  [
    "the path of a file in a webhook",
    job(
      "triggers: [{type: webhook, verify: github, secret: {env: S}, debounce: {key: '${{ event.path }}', wait: 1s}}]",
    ),
    "triggers[0].debounce.key: the event of a webhook trigger has no 'path'; expected one of type, id, delivery_id, body, headers",
  ],
  [
    "a body in a files trigger",
    job("triggers: [{type: files, paths: [a], if: event.body}]"),
    "triggers[0].if: the event of a files trigger has no 'body'",
  ],
  [
    "the path of one file of several",
    job("params: {p: {}}", "triggers: [{type: files, paths: [a], batch: all, params: {p: '${{ event.path }}'}}]"),
    "triggers[0].params.p: event.path does not exist with 'batch: all'; expected event.files",
  ],
  [
    "a field that a file does not have",
    job("triggers: [{type: files, paths: [a], if: 'event.files[0].pth'}]"),
    "triggers[0].if: event.files[0] has no 'pth'; did you mean 'path'?",
  ],
  [
    "a field that a run does not have",
    job("triggers: [{type: run, job: other, if: event.run.state}]"),
    "triggers[0].if: event.run has no 'state'; did you mean 'status'?",
  ],
  [
    "a field of an event that no trigger of the job has",
    task(
      "type: shell, script: x, environment: {A: '${{ event.subject }}'}",
      "triggers: [{type: files, paths: [a]}, {type: run, job: other}]\n",
    ),
    "tasks[1].environment.A: the event of a files or run trigger has no 'subject'",
  ],
  [
    "a field that no event has",
    task('type: shell, script: x, if: "event.bod.x"'),
    "4:42: tasks[1].if: event has no 'bod'; did you mean 'body'?",
  ],
  [
    "two files triggers, one without a name",
    job("triggers: [{type: files, paths: [a]}, {type: files, name: b, paths: [b]}]"),
    "triggers[0].name: missing; each of several files triggers of a job needs a name",
  ],
  // Messages that start runs.
  [
    "a nats trigger without a subject",
    job("triggers: [{type: nats, stream: ORDERS}]"),
    "2:12: triggers[0].subject: missing; a nats trigger needs it",
  ],
  [
    "a nats trigger with a field of webhooks",
    job("triggers: [{type: nats, stream: A, subject: a, events: [push]}]"),
    "triggers[0].events: is not a field of a nats trigger; expected stream, subject, headers,",
  ],
  [
    "a subject as a stream",
    job("triggers: [{type: nats, stream: orders.created, subject: a}]"),
    "2:33: triggers[0].stream: 'orders.created' is not the name of a stream; expected one without spaces",
  ],
  [
    "a stream of petit itself",
    job("triggers: [{type: nats, stream: petit_offers, subject: a}]"),
    "triggers[0].stream: 'petit_offers' is a stream of petit itself",
  ],
  [
    "a subject with an empty part",
    job("triggers: [{type: nats, stream: A, subject: orders..created}]"),
    "2:45: triggers[0].subject: 'orders..created' has an empty part",
  ],
  [
    "a wildcard within a part",
    job("triggers: [{type: nats, stream: A, subject: orders.c*}]"),
    "has a wildcard within the part 'c*'; expected '*' or '>' as a whole part",
  ],
  [
    "an open end before the end",
    job("triggers: [{type: nats, stream: A, subject: 'orders.>.x'}]"),
    "'orders.>.x' has '>' before its end",
  ],
  ["a subject with a space", job("triggers: [{type: nats, stream: A, subject: a b}]"), "'a b' contains a space"],
  [
    "two triggers on one stream, one without a name",
    job("triggers: [{type: nats, stream: A, subject: a}, {type: nats, name: b, stream: A, subject: b}]"),
    "triggers[0].name: missing; each of several triggers on the stream 'A' needs a name",
  ],
  // Tags and links.
  ["a single tag", job("tags: nightly"), "2:7: tags: is a text; expected a list, as in [nightly]"],
  ["a tag with a comma", job('tags: ["a,b"]'), "2:8: tags[0]: 'a,b' is not a tag: 1 to 64 letters, digits, '_',"],
  ["a tag twice", job("tags: [a, b, a]"), "2:14: tags[2]: 'a' is item 0 as well; expected each once"],
  ["a tag that is a number", job("tags: [2026]"), 'put it in quotes: "2026"'],
  ["an empty tag", job('tags: [""]'), "2:8: tags[0]: is an empty text; expected a tag"],
  ["links as a list", job("links: [https://example.com]"), "2:8: links: is a list; expected a map of names and values"],
  [
    "a link without a scheme",
    job("links: {runbook: example.com/x}"),
    "2:18: links.runbook: 'example.com/x' is not a URL;",
  ],
  [
    "a link that runs code",
    job("links: {runbook: 'javascript:alert(1)'}"),
    "2:18: links.runbook: has the scheme 'javascript'; expected http or https",
  ],
  ["a link to a file", job("links: {a: 'file:///etc/passwd'}"), "2:12: links.a: has the scheme 'file';"],
  [
    "a link with a password",
    job("links: {a: 'https://me:secret@example.com/'}"),
    "2:12: links.a: contains a user name or a password; expected a URL without them",
  ],
  [
    "a link with a template",
    job("links: {a: 'https://example.com/${{ run.id }}'}"),
    "2:12: links.a: is used literally, so '${…}' is not expanded; expected a complete URL",
  ],
  ["an empty link", job("links: {a: }"), "links.a: is empty; expected a URL"],
  [
    "max_concurrency 0",
    job("max_concurrency: 0"),
    "2:18: max_concurrency: 0 is out of bounds; expected a whole number from 1 to 1000000",
  ],
  ["max_concurrency 1.5", job("max_concurrency: 1.5"), "2:18: max_concurrency: 1.5 is out of bounds"],
  [
    "max_concurrency in quotes",
    job('max_concurrency: "1"'),
    "2:18: max_concurrency: is a text; expected a whole number",
  ],
  [
    "an unknown policy",
    job("on_overlap: qeue"),
    "2:13: on_overlap: 'qeue' is not known; did you mean 'queue'? expected one of skip, queue, replace",
  ],
  [
    "a policy like no other",
    job("on_overlap: 1"),
    "2:13: on_overlap: is a number; expected one of skip, queue, replace",
  ],
  ["a duration without a unit", job("timeout: 5"), '2:10: timeout: 5 has no unit; expected a duration such as "250ms"'],
  ["a duration in words", job("timeout: five minutes"), "2:10: timeout: 'five minutes' is not a duration"],
  ["a duration that is true", job("timeout: true"), "2:10: timeout: is a boolean; expected a duration"],
  ["a duration of nothing", job("timeout: 0s"), "2:10: timeout: '0s' is too short; expected more than 0"],
  [
    "a duration of centuries",
    job("timeout: 99999d"),
    "2:10: timeout: '99999d' is too long; expected at most 100 years",
  ],
  ["retention of no run", job("retention: {runs: 0}"), "2:19: retention.runs: 0 is out of bounds"],
  ["retention that is a number", job("retention: 5"), "2:12: retention: is a number; expected a map with runs, days"],

  // Tasks.
  ["no tasks", "id: j", "1:1: tasks: missing; it is required"],
  ["an empty list of tasks", "id: j\ntasks: []", "2:8: tasks: is an empty list; expected at least one item"],
  ["tasks that are a map", "id: j\ntasks: {a: b}", "2:8: tasks: is a map; expected a list"],
  ["a task that is a text", "id: j\ntasks: [t]", "2:9: tasks[0]: is a text; expected a map with id, name, type"],
  ["a task without an id", "id: j\ntasks: [{type: shell, script: x}]", "2:9: tasks[0].id: missing"],
  ["a task without a type", task("script: x"), "4:5: tasks[1].type: missing"],
  [
    "two tasks of one id",
    "id: j\ntasks: [{id: a, type: shell, script: x}, {id: a, type: shell, script: x}]",
    "2:47: tasks[1].id: 'a' is the id of tasks[0] as well",
  ],
  [
    "a misspelt type",
    task("type: pyhton, script: x, inline: true"),
    "4:19: tasks[1].type: 'pyhton' is not known; did you mean 'python'?",
  ],
  [
    "a custom task",
    task("type: custom"),
    "4:19: tasks[1].type: 'custom' tasks need code of petit's own and are not supported; expected one of command, shell, python, typescript, http, ssh, approval, job",
  ],
  [
    "a custom task with all that it had",
    task("type: custom, handler: x, config: {a: 1}"),
    "4:19: tasks[1].type: 'custom' tasks need code",
  ],
  [
    "a command task without a command",
    task("type: command"),
    "4:5: tasks[1].command: missing; a command task needs it",
  ],
  [
    "an empty command",
    task('type: command, command: ""'),
    "4:37: tasks[1].command: is an empty text; expected a program",
  ],
  ["a shell task without a script", task("type: shell"), "4:5: tasks[1].script: missing; a shell task needs it"],
  [
    "a command in a shell task",
    task("type: shell, command: x"),
    "4:35: tasks[1].command: is not a field of a shell task; expected script, shell",
  ],
  [
    "inline in a shell task",
    task("type: shell, script: x, inline: true"),
    "4:45: tasks[1].inline: is not a field of a shell task",
  ],
  ["NUL in a script", task('type: shell, script: "a\\0"'), "4:34: tasks[1].script: contains the character U+0000"],
  [
    "NUL in an argument",
    task('type: shell, script: x, args: ["a\\0"]'),
    "4:44: tasks[1].args[0]: contains the character U+0000",
  ],
  [
    "an argument that is null",
    task("type: shell, script: x, args: [null]"),
    "4:44: tasks[1].args[0]: is empty; expected a text",
  ],
  [
    "an argument that is a list",
    task("type: shell, script: x, args: [[a]]"),
    "4:44: tasks[1].args[0]: is a list; expected a text",
  ],
  [
    "an upstream without a list",
    task("type: shell, script: x, depends_on: up"),
    "4:49: tasks[1].depends_on: is a text; expected a list, as in [up]",
  ],
  [
    "an unknown upstream",
    task("type: shell, script: x, depends_on: [pu]"),
    "4:50: tasks[1].depends_on[0]: there is no task 'pu'; did you mean 'up'?",
  ],
  [
    "an upstream like no other",
    task("type: shell, script: x, depends_on: [elsewhere]"),
    "there is no task 'elsewhere'; expected the id of a task of this job",
  ],
  [
    "a task that waits for itself",
    task("type: shell, script: x, depends_on: [t]"),
    "4:50: tasks[1].depends_on[0]: a task depends on itself: t → t; expected no cycle",
  ],
  [
    "tasks in a ring",
    "id: j\ntasks:\n  - {id: a, type: shell, script: x, depends_on: [c]}\n  - {id: b, type: shell, script: x, depends_on: [a]}\n  - {id: c, type: shell, script: x, depends_on: [b]}",
    "3:50: tasks[0].depends_on[0]: tasks depend on each other in a cycle: a → c → b → a; expected no cycle",
  ],
  [
    "an unknown condition",
    task("type: shell, script: x, condition: on_failrue"),
    "4:48: tasks[1].condition: 'on_failrue' is not known; did you mean 'on_failure'?",
  ],
  [
    "two timeouts",
    task("type: shell, script: x, timeout: 5s, timeout_secs: 5"),
    "4:50: tasks[1].timeout_secs: conflicts with another field; expected only one of timeout, timeout_secs",
  ],
  [
    "no time at all",
    task("type: shell, script: x, timeout_secs: 0"),
    "4:51: tasks[1].timeout_secs: 0 is out of bounds; expected a number of seconds, more than 0, at most 3155760000",
  ],
  [
    "seconds with a unit",
    task("type: shell, script: x, timeout_secs: 5s"),
    "4:51: tasks[1].timeout_secs: is a text; expected a number of seconds",
  ],
  [
    "a retry without a number",
    task("type: shell, script: x, retry: {delay: 1s}"),
    "4:44: tasks[1].retry.max_attempts: missing",
  ],
  [
    "two delays",
    task("type: shell, script: x, retry: {max_attempts: 1, delay: 1s, delay_secs: 1}"),
    "4:73: tasks[1].retry.delay_secs: conflicts with another field",
  ],
  [
    "a negative number of retries",
    task("type: shell, script: x, retry: {max_attempts: -1}"),
    "4:59: tasks[1].retry.max_attempts: -1 is out of bounds",
  ],

  // Script files.
  [
    "a script that isn't there",
    task("type: python, script: nowhere.py"),
    "4:35: tasks[1].script: the file 'nowhere.py' was not found in ",
  ],
  [
    "a script that is a folder",
    task("type: python, script: ../jobfile"),
    "4:35: tasks[1].script: the file '../jobfile' was not found",
  ],
  [
    "an absolute script that isn't there",
    task("type: typescript, script: /nowhere/x.ts"),
    "the file '/nowhere/x.ts' was not found; expected a file, or `inline: true` with",
  ],
  [
    "a program where a file is meant",
    task('type: python, script: "a\\nb"'),
    "4:35: tasks[1].script: is a file name here; expected `inline: true`",
  ],

  // Schedules.
  ["a schedule that is a number", job("schedule: 5"), "2:11: schedule: is a number; expected a cron expression"],
  ["an empty schedule", job('schedule: ""'), "2:11: schedule: is an empty text; expected a cron expression"],
  [
    "a schedule out of range",
    job('schedule: "0 25 * * *"'),
    "2:11: schedule: '0 25 * * *' is not a schedule: '25' is out of range",
  ],
  [
    "a schedule in a list",
    job('schedule: ["@daily", "@dayly"]'),
    "2:22: schedule[1]: '@dayly' is not a schedule: '@dayly' is not known",
  ],
  ["an empty list of schedules", job("schedule: []"), "2:11: schedule: is an empty list"],
  [
    "a schedule that never fires",
    job('schedule: {cron: ["0 0 30 2 *"]}'),
    "2:19: schedule.cron[0]: '0 0 30 2 *' never fires; expected a date that exists",
  ],
  [
    "a schedule without cron",
    job("schedule: {timezone: UTC}"),
    '2:11: schedule.cron: missing; it is required, for example "0 2 * * *"',
  ],
  [
    "an unknown timezone",
    job("schedule: {cron: '@daily', timezone: Europe/Pariss}"),
    "2:38: schedule.timezone: 'Europe/Pariss' is not a timezone; did you mean 'Europe/Paris'?",
  ],
  [
    "a timezone of another planet",
    job("schedule: {cron: '@daily', timezone: Olympus}"),
    "'Olympus' is not a timezone; expected an IANA name",
  ],
  [
    "an unknown catch-up",
    job("schedule: {cron: '@daily', catchup: lates}"),
    "2:37: schedule.catchup: 'lates' is not known; did you mean 'latest'?",
  ],

  // Gates; unknown jobs and rings concern the folder.
  [
    "a gate without a job",
    job("depends_on: [{condition: last_success}]"),
    "2:14: depends_on[0].job: missing; expected one of job, job_id",
  ],
  [
    "a gate with two jobs",
    job("depends_on: [{job: a, job_id: b}]"),
    "2:23: depends_on[0].job_id: conflicts with another field",
  ],
  [
    "a window without its width",
    job("depends_on: [{job: a, condition: within_window}]"),
    "2:34: depends_on[0].condition: 'within_window' requires a window; expected `condition: {within_window: {seconds: 3600}}`",
  ],
  [
    "a window of nothing",
    job("depends_on: [{job: a, condition: {within_window: {seconds: 0}}}]"),
    "2:60: depends_on[0].condition.within_window.seconds: 0 is out of bounds",
  ],
  ["gates that are a map", job("depends_on: {a: b}"), "2:13: depends_on: is a map; expected a list"],

  // Params, config, environment.
  [
    "a param that is a text",
    job("params: {day: monday}"),
    "2:15: params.day: is a text; expected a map with description, default, required",
  ],
  ["a param's odd name", job('params: {"a b": {}}'), "2:10: params[\"a b\"]: 'a b' is not a param's name"],
  ["a gate twice", job("depends_on: [a, a]"), "2:17: depends_on[1]: repeats depends_on[0]"],
  [
    "a gate twice, in two forms",
    job("depends_on: [a, {job_id: a, condition: last_success}]"),
    "2:17: depends_on[1]: repeats depends_on[0]; expected each gate once",
  ],
  [
    "two windows of a gate",
    job("depends_on: [{job: a, condition: {within_window: 1h}}, {job: a, condition: {within_window: 2h}}]"),
    "2:56: depends_on[1]: repeats depends_on[0]",
  ],
  [
    "an expression twice",
    job('schedule: ["0 2 * * *", "0 2 * * *"]'),
    "2:25: schedule[1]: '0 2 * * *' is item 0 as well; expected each once",
  ],
  [
    "an expression twice in a map",
    job('schedule: {cron: ["@daily", "@daily"]}'),
    "2:29: schedule.cron[1]: '@daily' is item 0 as well; expected each once",
  ],
  [
    "a value of an enum twice",
    job("params: {a: {enum: [x, y, x]}}"),
    "2:27: params.a.enum[2]: 'x' is item 0 as well; expected each once",
  ],
  [
    "a task that waits for another twice",
    "id: j\ntasks: [{id: t, type: shell, script: x}, {id: u, type: shell, script: x, depends_on: [t, t]}]",
    "2:90: tasks[1].depends_on[1]: 't' is item 0 as well; expected each once",
  ],
  [
    "a pattern that is none",
    job('params: {a: {pattern: "("}}'),
    "2:23: params.a.pattern: '(' is not a regular expression: missing closing ): `(`; expected RE2's syntax",
  ],
  [
    "a pattern with a lookahead",
    job('params: {a: {pattern: "^(?!x)"}}'),
    "2:23: params.a.pattern: '^(?!x)' is not a regular expression: invalid or unsupported Perl syntax: `(?!`; expected RE2's syntax, which has no lookaround",
  ],
  [
    "a pattern that is too long",
    job(`params: {a: {pattern: "${"a".repeat(4097)}"}}`),
    "2:23: params.a.pattern: has 4097 characters; expected at most 4096",
  ],
  [
    "a config value that no variable can hold",
    job(`config: {a: "${"x".repeat(131_072)}"}`),
    "2:13: config.a: has 131072 bytes; expected at most 131056, the limit for a process",
  ],
  [
    "a default beside the pattern",
    job('params: {a: {default: x, pattern: "^y$"}}'),
    "2:23: params.a.default: param 'a' can't be 'x'; expected a value that matches ^y$",
  ],
  [
    "a default beside the enum",
    job("params: {a: {default: fst, enum: [fast, full]}}"),
    "2:23: params.a.default: param 'a' can't be 'fst'; did you mean 'fast'?",
  ],
  ["an enum of nothing", job("params: {a: {enum: []}}"), "2:20: params.a.enum: is an empty list"],
  [
    "two params in one variable",
    job("params: {a-b: {}, a.b: {}}"),
    '2:24: params["a.b"]: its variable PETIT_PARAM_A_B is also the variable of params.a-b; expected another name',
  ],
  [
    "two config values in one variable",
    job("config: {a: 1, A: 2}"),
    "2:19: config.A: its variable PETIT_CONFIG_A is also the variable of config.a",
  ],
  ["an empty key", job('config: {"": 1}'), '2:10: config[""]: is an empty text; expected a key'],
  [
    "a number that can't be kept",
    job("config: {n: 12345678901234567890}"),
    "2:13: config.n: the number 12345678901234567890 exceeds the precision of a number; put it in quotes",
  ],
  [
    "a number that is none",
    job("config: {n: .nan}"),
    "2:13: config.n: the number .nan exceeds the precision of a number",
  ],
  [
    "a variable with '='",
    job('environment: {"A=B": x}'),
    "2:15: environment[\"A=B\"]: 'A=B' is not a variable name without '='",
  ],
  [
    "a variable without a name",
    job('environment: {"": x}'),
    '2:15: environment[""]: is an empty text; expected a variable name',
  ],
  [
    "a variable of a list",
    job("environment: {A: [x]}"),
    "2:18: environment.A: is a list; expected a single value or a map",
  ],
  [
    "a variable of petit's own",
    job("environment: {PETIT_RUN_ID: x}"),
    "2:29: environment.PETIT_RUN_ID: the variable PETIT_RUN_ID is set by petit; expected another name",
  ],
  [
    "a variable of a param",
    job("params: {a: {}}", "environment: {PETIT_PARAM_A: x}"),
    "3:30: environment.PETIT_PARAM_A: the variable PETIT_PARAM_A is set by params.a",
  ],
  [
    "a task's variable of a config value",
    task("type: shell, script: x, environment: {PETIT_CONFIG_A: x}", "config: {a: 1}"),
    "4:67: tasks[1].environment.PETIT_CONFIG_A: the variable PETIT_CONFIG_A is set by config.a",
  ],

  // Templates.
  [
    "a template in a script",
    task('type: shell, script: "echo ${{ params.day }}"', "params: {day: {}}"),
    '4:40: tasks[1].script: ${{ params.day }} is not expanded here; use the variable "$PETIT_PARAM_DAY" instead',
  ],
  [
    "a template in a program of Python",
    task('type: python, inline: true, script: "print(${{ config.a }})"', "config: {a: 1}"),
    'use the variable os.environ["PETIT_CONFIG_A"] instead',
  ],
  [
    "a template in a program of TypeScript",
    task('type: typescript, inline: true, script: "${{ job.id }}"'),
    "use the variable process.env.PETIT_JOB_ID instead",
  ],
  [
    "an output in a script",
    task('type: shell, script: "${{ tasks.up.outputs.rows }}"'),
    'set it in `environment`, where templates are expanded, and use the variable "$ROWS" instead',
  ],
  [
    "a time in a script",
    task('type: shell, script: "${{ run.scheduled_for }}"'),
    'use the variable "$PETIT_SCHEDULED_FOR" instead',
  ],
  [
    "an unknown template in a script",
    task('type: shell, script: "${{ env.X }}"'),
    "${{ env.X }} is not expanded here; pass the value in `environment` or `args`",
  ],
  [
    "a template in a command",
    task('type: command, command: "${{ run.id }}"'),
    '4:38: tasks[1].command: ${{ run.id }} is not expanded here; use the variable "$PETIT_RUN_ID" instead',
  ],
  [
    "a template in a shell",
    task('type: shell, script: x, shell: [sh, "${{ run.id }}"]'),
    "4:50: tasks[1].shell[1]: ${{ run.id }} is not expanded here",
  ],
  [
    "an unknown template",
    task('type: shell, script: x, args: ["${{ env.X }}"]'),
    "4:45: tasks[1].args[0]: ${{ env.X }} is not known; expected one of params.X, config.X, tasks.T.outputs.K, job.id, run.id, run.scheduled_for, run.interval_start, run.interval_end",
  ],
  ["an empty template", task('type: shell, script: x, args: ["${{ }}"]'), "${{ }} is not known"],
  [
    "a template without its end",
    task('type: shell, script: x, stdin: "${{ run.id"'),
    "4:45: tasks[1].stdin: a template without its '}}'",
  ],
  [
    "an unknown param",
    task('type: shell, script: x, args: ["${{ params.dya }}"]', "params: {day: {}}"),
    "tasks[1].args[0]: there is no param 'dya'; did you mean 'day'?",
  ],
  [
    "a param of a job that has none",
    task('type: shell, script: x, args: ["${{ params.day }}"]'),
    "there is no param 'day'; the job has none",
  ],
  [
    "an unknown config value",
    task('type: shell, script: x, working_dir: "/${{ config.dir }}"', "config: {a: {dir: x}}"),
    "4:52: tasks[1].working_dir: there is no config value 'dir'; the job has a",
  ],
  [
    "an unknown value of a map",
    task('type: shell, script: x, args: ["${{ config.a.b }}"]', "config: {a: {c: x}}"),
    "there is no config value 'a.b'",
  ],
  [
    "an output of an unknown task",
    task('type: shell, script: x, args: ["${{ tasks.pu.outputs.a }}"]'),
    "there is no task 'pu'; did you mean 'up'?",
  ],
  [
    "an output of a task that isn't upstream",
    task('type: shell, script: x, args: ["${{ tasks.up.outputs.a }}"]'),
    "tasks[1].args[0]: task 'up' is not upstream of 't'; expected it to be a direct or indirect dependency",
  ],
  [
    "an output of its own",
    task('type: shell, script: x, environment: {A: "${{ tasks.t.outputs.a }}"}'),
    "tasks[1].environment.A: task 't' is not upstream of 't'",
  ],
  [
    "an output in the job's environment",
    task("type: shell, script: x", 'environment: {A: "${{ tasks.up.outputs.a }}"}'),
    "5:19: environment.A: task outputs are not available in the job's environment; expected them in a task's environment",
  ],

  // YAML.
  ["a list that isn't indented", "id: j\ntasks:\n  - id: a\n   type: shell", "4:1: not valid YAML: "],
  ["a bracket without its end", "id: j\ntasks: [", "2:9: not valid YAML: "],
  ["a quote without its end", 'id: "j\ntasks: []', '1:5: not valid YAML: missing closing "quote'],
  [
    "another one",
    `${job("description: it's 'x' \"y\"", "name: ['a', 'it']", "schedule: '@daily")}`,
    "4:11: not valid YAML: missing closing 'quote",
  ],
  ["one that is escaped", `---\n${job('name: "a\\"')}`, '3:7: not valid YAML: missing closing "quote'],
  ["a tab that indents", "id: j\ntasks:\n\t- id: a", "3:1: not valid YAML: tabs are not allowed as indentation"],
  ["an unknown tag", job("name: !secret x"), "2:7: not valid YAML: unresolved tag: !secret"],
  ...["binary aGk=", "omap [a: b]", "pairs [a: b]", "set {a, b}", "timestamp 2026-01-01"].flatMap((value) => {
    const problem = `not valid YAML: unresolved tag: tag:yaml.org,2002:${value.split(" ")[0]}`;
    return [
      [`a value as !!${value}`, job(`config: {x: !!${value}}`), `2:13: ${problem}`],
      [`a value of YAML 1.1 as !!${value}`, `%YAML 1.1\n---\n${job(`config: {x: !!${value}}`)}`, `4:13: ${problem}`],
    ] as const;
  }),
  [
    "an alias of nothing",
    job("name: *x"),
    "2:7: name: the alias '*x' has no anchor before it; expected '&x' on an earlier value",
  ],
  [
    "an alias of itself",
    job("config: {a: &x [*x]}"),
    "2:17: config.a[0]: the alias '*x' refers to a value that contains it",
  ],
  [
    "a NUL in a variable",
    job('config: {a: "x\\0y"}'),
    "2:13: config.a: contains a NUL character, which cannot be passed to a process",
  ],
  [
    "an unpaired surrogate in a variable",
    job('config: {a: "x\\ud800"}'),
    "2:13: config.a: contains an unpaired surrogate",
  ],
  ["a key that is a list", job("config: {[a, b]: c}"), "2:10: config: a key is not a text; expected a name"],
  [
    "a merge of a text",
    job("config: {<<: a}"),
    '2:14: config["<<"]: can\'t be merged; expected a map, or a list of maps',
  ],
  ["a document that is a text", "hello", "1:1: is not a job; expected a map with id, tasks"],
  ["a document that is a list", "- a", "1:1: is not a job"],
  ["an empty file", " \n", "1:1: the file is empty; expected a job"],
  ["NUL in the file", "id: a\0b", "1:6: contains a NUL character; expected text"],
];

describe("each problem is reported once, with its position and what was expected:", () => {
  test.each(cases)("%s", (_mistake, file, problem) => {
    const problems = problemsOf(file);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});

describe("a job with problems", () => {
  test("reports all of them, separately for each document", () => {
    const file = `id: a b\nnmae: x\n${TASKS}\n---\nid: ok\n${TASKS}\n---\nid: j\ntasks: [\n`;
    expect(
      problemsOf(file)
        .map((problem) => problem.split(" ")[0])
        .sort(),
    ).toEqual(["10:1:", "1:5:", "2:1:"]);
  });

  test("reports each of several templates at its own position", () => {
    const text = task("type: shell, script: x, args: [\"${{ a }} and ${{ b }}\", '${{ a }}${{ a }}']");
    expect(problemsOf(text).map((problem) => problem.slice(0, 21))).toEqual([
      "4:45: tasks[1].args[0",
      "4:58: tasks[1].args[0",
      "4:70: tasks[1].args[1",
      "4:78: tasks[1].args[1",
    ]);
  });

  test("reports a template's line in a long script", () => {
    const text = `id: j\ntasks:\n  - id: t\n    type: shell\n    script: |\n      echo\n      echo \${{ run.id }}\n`;
    expect(problemsOf(text)[0]).toStartWith("7:12: tasks[0].script: ");
  });

  test("reports a template with escapes at the start of its text", () => {
    expect(problemsOf(task('type: shell, script: x, args: ["\\u0024{{ nope }}"]'))[0]).toStartWith(
      "4:44: tasks[1].args[0]: ",
    );
  });

  test("does not report consequences of another problem", () => {
    const text =
      "id: j\ntasks:\n  - {id: my task, type: shell, script: x}\n  - {id: b, type: shell, script: x, depends_on: [my task]}\n";
    expect(problemsOf(text)).toHaveLength(1 + 1);
    expect(problemsOf(text).every((problem) => problem.includes("'my task' is not a task's id"))).toBe(true);
  });

  test("reports two empty ids, but not as duplicates", () => {
    const tasks = "tasks: [{id: '', type: shell, script: x}, {id: '', type: shell, script: x}]";
    expect(problemsOf(`id: j\n${tasks}`)).toHaveLength(2);
  });

  test("reports a pattern with a control character once", () => {
    expect(problemsOf(job('params: {a: {pattern: "(\\u0007", default: x}}'))).toHaveLength(1);
  });

  test("does not report what some event of the job can have", () => {
    const triggers = [
      "{type: webhook, verify: github, secret: {env: S}, if: 'event.Body.x == event[''headers''].y && event.type'}",
      "{type: files, paths: [a], batch: all, done: '${{ event.path }}.ok', if: 'event.files[0].mtime == event.files.*.size'}",
      "{type: run, job: other, if: 'event.run.params.x == event.outputs.rows && event.run.ended_at'}",
      "{type: nats, stream: S, subject: s, if: 'event.subject == event.stream && event.seq && event.delivery_id'}",
    ];
    const environment = "{A: '${{ event.path }}', B: '${{ event.body }} ${{ event.outputs.rows }} ${{ event.seq }}'}";
    const own = `type: shell, script: x, environment: ${environment}`;
    expect(problemsOf(task(own))).toEqual([]);
    const paths = "{type: files, name: each, paths: [b], params: {}}";
    expect(problemsOf(task(own, `triggers: [${triggers.join(", ").replace("batch: all, ", "")}]\n`))).toEqual([]);
    const all = triggers.join(", ").replace("{type: files,", "{type: files, name: all,");
    expect(problemsOf(task(own, `triggers: [${all}, ${paths}]\n`))).toEqual([]);
  });

  test("reports a numeric id once and still resolves it", () => {
    const tasks = "tasks: [{id: 1, type: shell, script: x}, {id: b, type: shell, script: x, depends_on: ['1']}]";
    expect(problemsOf(`id: j\n${tasks}`)).toHaveLength(1);
  });

  test("is printed without control characters", () => {
    const [problem = ""] = problemsOf(job('"\\u001b[31m\\u202ered": 1'));
    expect(problem).toStartWith('2:1: ["\\u001b[31m\\u{202e}red"]: unknown field');
    expect(problem).not.toMatch(/[\p{Cc}\u202e]/u);
  });

  test("prints at most a few lines about a long text", () => {
    const long = "x".repeat(100_000);
    for (const text of [
      job(`${long}: 1`),
      job(`on_overlap: ${long}`),
      `id: ${long}\n${TASKS}`,
      job(`timeout: ${long}`),
    ]) {
      expect(problemsOf(text).join("\n").length).toBeLessThan(1_000);
    }
  });
});

describe("a problem in a misspelt field", () => {
  test.each([
    ["of a map", job("scheduel: {crn: '0 0 30 2 *'}"), "2:17: scheduel.crn: '0 0 30 2 *' never fires"],
    ["of one value", job("schedul: '@dayly'"), "2:10: schedul: '@dayly' is not a schedule"],
    ["of the wrong kind", job("schedul: 5"), "2:10: schedul: is a number; expected a cron expression"],
    [
      "of a task",
      task("type: shell, script: x, depnds_on: [upp]"),
      "4:49: tasks[1].depnds_on[0]: there is no task 'upp'; did you mean 'up'?",
    ],
  ])("%s has its position as written", (_field, file, problem) => {
    const [wrong, ...more] = problemsOf(file).filter((text) => !text.includes("unknown field; did you mean"));
    expect(wrong).toContain(problem);
    expect(more).toEqual([]);
  });
});

describe("a YAML bomb", () => {
  const small = (problems: readonly string[]): void => {
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join("\n").length).toBeLessThan(5_000);
  };

  test("of aliases is refused before it expands", () => {
    const levels = Array.from(
      { length: 9 },
      (_, level) => `  l${level}: &l${level} [${Array(10).fill(level === 0 ? "x" : `*l${level - 1}`)}]`,
    );
    const problems = problemsOf(job("config:", ...levels));
    small(problems);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("too many aliases; expected at most 1000 in a document");
  });

  test.each([
    ["a long list", `a: &a [${Array(50_000).fill("x")}]`],
    ["a long text", `a: &a ${"x".repeat(100_000)}`],
  ])("of aliases of %s is refused", (_name, value) => {
    const problems = problemsOf(job("config:", `  ${value}`, `  b: [${Array(900).fill("*a")}]`));
    small(problems);
    expect(problems[0]).toContain("the aliases expand to too much text; expected at most 4 MiB");
  });

  test.each([
    ["brackets", `id: j\nconfig: {a: ${"[".repeat(101)}`],
    ["closed brackets", `id: j\nconfig: {a: ${"[".repeat(99)}${"]".repeat(99)}}\n${TASKS}`],
    ["a million brackets", `id: j\nconfig: ${"[".repeat(1_000_000)}`],
    [
      "maps in lines",
      `id: j\nconfig:\n${Array.from({ length: 101 }, (_, depth) => `${" ".repeat(depth + 1)}k:`).join("\n")}`,
    ],
    [
      "aliases within lists",
      job(
        "config:",
        `  a: &a ${"[".repeat(60)}${"]".repeat(60)}`,
        `  b: &b [[*a]]`,
        `  c: ${"[".repeat(37)}*b${"]".repeat(37)}`,
      ),
    ],
    ["lists in a line", `id: j\nconfig:\n  a:\n    ${"- ".repeat(2_000)}x`],
    ["a hundred thousand lists in a line", `id: j\nconfig:\n  a:\n    ${"- ".repeat(100_000)}x`],
  ])("of %s is refused, and soon", (_name, text) => {
    const cpuMs = measureCpu();
    const problems = problemsOf(text);
    small(problems);
    expect(problems[0]).toContain("nested too deeply; expected at most 100 levels");
    expect(cpuMs()).toBeLessThan(2_000);
  });

  test.each([
    [
      "params",
      20_000,
      job(
        "params:",
        ...Array.from({ length: 10_000 }, (_, index) => `  k${index}: {pattrn: x, default: y, enum: [a]}`),
      ),
    ],
    ["templates", 50_000, task(`type: shell, script: "${"${{ x }} ".repeat(50_000)}"`)],
    [
      "different templates",
      50_000,
      task(`type: shell, script: "${Array.from({ length: 50_000 }, (_, index) => `\${{ x${index} }} `).join("")}"`),
    ],
  ])("of wrong %s is reported quickly", (_name, count, text) => {
    const cpuMs = measureCpu();
    expect(problemsOf(text)).toHaveLength(count);
    expect(cpuMs()).toBeLessThan(10_000);
  });

  test("of unknown names is not compared with everything", () => {
    const ids = Array.from({ length: 5_000 }, (_, index) => `t${index}`);
    const lines = ids.map((id) => `  - {id: ${id}, type: shell, script: x, depends_on: [z${id}z]}`);
    const cpuMs = measureCpu();
    expect(problemsOf(`id: j\ntasks:\n${lines.join("\n")}`)).toHaveLength(5_000);
    expect(cpuMs()).toBeLessThan(10_000);
  });
});
