import { expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { shownFields } from "../../../src/api/comparison/version-changes.ts";
import { loadPatterns } from "../../../src/domain/params/pattern.ts";
import { jobFields } from "../../../src/domain/versions/job-fields.ts";
import { maskText } from "../../../src/jobfile/possible-secrets.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { JOB } from "../../../src/jobfile/schema/job.ts";
import { TASK } from "../../../src/jobfile/schema/task.ts";
import { openStore } from "../../../src/store/database/open.ts";
import { measureCpu } from "../../support/cpu-time.ts";
import { copyFixtureDatabase, FIXTURE_SCHEMAS } from "../../support/engine/fixture-database.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";
import { tempDir } from "../../support/temp-dir.ts";

await loadPatterns();

type Fields = Readonly<Record<string, unknown>>;

/** Tasks that together have every field. The values are those that the API returns, unless `IN_API` has another one. */
const TASKS: Readonly<Record<string, Fields>> = {
  run: {
    id: "run",
    name: "Run",
    type: "command",
    command: "python3",
    args: ["main.py", "--day", "${{ params.day }}"],
    working_dir: "/srv/etl",
    stdin: "rows",
    environment: { STAGE: "test", A: { env: "A" }, B: { file: "/run/b" }, C: { credential: "c" } },
    depends_on: ["shell"],
    condition: "all_done",
    if: "params.day != ''",
    allow_failure: { exit_codes: [3] },
    skip_exit_codes: [99],
    artifacts: ["out/*.csv"],
    runs_on: ["gpu", "zone=eu"],
    timeout: "5m",
    retry: { max_attempts: 3, delay: "10s", backoff: "exponential", max_delay: "1m", condition: "transient_only" },
    container: {
      image: "python:3.13",
      engine: "podman",
      volumes: ["/data:/data:ro"],
      user: "1000:1000",
      network: "none",
      pull: "never",
      memory: "512m",
      cpus: "1.5",
      entrypoint: "/bin/sh",
    },
  },
  shell: {
    id: "shell",
    type: "shell",
    script: "echo $PETIT_ITEM",
    shell: ["bash", "-eu"],
    foreach: [1, "two", { a: 3 }],
    limits: { memory: "512MiB", cpus: 1.5, pids: 200, nice: 10, io: "best-effort:7", enforce: "best_effort" },
    run_as: "33",
    leftovers: "kill",
  },
  range: {
    id: "range",
    type: "shell",
    script: "true",
    foreach: { range: [1, 10] },
    item_key: "n${{ item }}",
    max_parallel: 4,
    fail_fast: true,
    max_failures: "10%",
  },
  template: { id: "template", type: "shell", script: "true", foreach: "${{ params.list }}" },
  matrix: {
    id: "matrix",
    type: "python",
    inline: true,
    script: "print(1)",
    matrix: { os: ["a", "b"], node: [20, 22], exclude: [{ node: 22 }], include: [{ os: "c" }] },
  },
  json: {
    id: "json",
    type: "http",
    url: "https://api.example.com/v1/jobs",
    method: "POST",
    headers: { Accept: "text/csv", Authorization: { env: "PETIT_API_AUTH" } },
    json: { day: "${{ params.day }}", count: 3 },
    expect: { status: [200, 202] },
    outputs: { job: "/data/id" },
    ca_file: "/etc/petit/ca.pem",
  },
  body: { id: "body", type: "http", url: "https://api.example.com", method: "POST", body: "text" },
  form: { id: "form", type: "http", url: "https://api.example.com", method: "POST", form: { day: "1" } },
  file: { id: "file", type: "http", url: "https://api.example.com", method: "POST", file: "report.csv" },
  ssh: {
    id: "ssh",
    type: "ssh",
    script: "true",
    host: "web-1",
    user: "deploy",
    port: 2222,
    identity_file: "/etc/petit/key",
    known_hosts: "/etc/petit/known_hosts",
    jump: "bastion",
  },
  ask: { id: "ask", type: "approval", prompt: "Deploy?", on_timeout: "approve", timeout_secs: 60 },
  child: { id: "child", type: "job", job: "other", params: { day: "1" }, wait: false },
};

/** Fields with another name or value in the API. */
const IN_API: Readonly<Record<string, Fields>> = {
  timeout: { timeout_ms: 300_000 },
  timeout_secs: { timeout_ms: 60_000 },
  allow_failure: { allow_failure: true, allowed_exit_codes: [3] },
  retry: {
    retry: {
      max_attempts: 3,
      delay_ms: 10_000,
      backoff: "exponential",
      max_delay_ms: 60_000,
      condition: "transient_only",
    },
  },
  limits: {
    limits: {
      memory_bytes: 536_870_912,
      cpus: 1.5,
      pids: 200,
      nice: 10,
      io: "best-effort:7",
      enforce: "best_effort",
    },
  },
  matrix: {
    repeat: "matrix",
    matrix: [{ os: "a", node: 20 }, { os: "b", node: 20 }, { os: "c" }],
    matrix_axes: { os: ["a", "b"], node: [20, 22] },
    matrix_exclude: [{ node: 22 }],
    matrix_include: [{ os: "c" }],
  },
  job: { runs_job: { job_id: "other", wait: false } },
  wait: { runs_job: { job_id: "other", wait: false } },
};

const JOB_FIELDS: Fields = {
  id: "all_fields",
  name: "All fields",
  description: "Has every field",
  tags: ["nightly"],
  links: { runbook: "https://example.com/runbook" },
  formerly: ["before"],
  enabled: false,
  schedule: {
    cron: ["0 2 * * *"],
    timezone: "Europe/Paris",
    catchup: "all",
    catchup_window: "1d",
    jitter: "30s",
    except: ["2031-12-25"],
  },
  triggers: [
    {
      type: "webhook",
      name: "push",
      verify: "hmac",
      secret: { file: "hook.secret" },
      header: "X-Signature",
      algorithm: "sha512",
      encoding: "base64",
      prefix: "v1=",
      id_header: "X-Id",
      headers: ["X-Extra"],
      if: "event.body.ok == true",
      params: { day: "${{ event.body.day }}" },
      debounce: { key: "${{ event.body.day }}", wait: "30s", max_wait: "5m" },
      on_overlap: "skip",
      on_pause: "skip",
    },
    {
      type: "files",
      name: "inbox",
      paths: ["/srv/in/*.csv"],
      settle: "1m",
      batch: "all",
      max: 5,
      existing: "run",
      done: "${{ event.path }}.ok",
      identity: "content",
      interval: "2m",
      params: { day: "1" },
    },
    {
      type: "nats",
      name: "created",
      stream: "ORDERS",
      subject: "orders.*",
      headers: ["X-Tenant"],
      params: { day: "1" },
      on_overlap: "replace",
    },
    { type: "run", job: "other", on: ["failed"], params: { day: "1" } },
  ],
  max_concurrency: 2,
  on_overlap: "queue",
  queue: "database",
  priority: 10,
  timeout: "2h",
  warn_after: "30m",
  expect: { success_within: "26h" },
  kill_grace: "5s",
  on_interrupt: "rerun",
  depends_on: [{ job: "other", condition: "last_complete" }],
  config: { batch_size: 1000, nested: { list: [1, "two", null] } },
  params: { day: { description: "Which day", default: "1", required: true, pattern: "^.$" }, list: { default: "[]" } },
  outputs: { rows: "${{ tasks.run.outputs.rows }}" },
  runs_on: "gpu",
  environment: { TZ: "UTC", KEY: { env: "KEY" } },
  // Those that a container can enforce can't be the default of one that has limits of its own.
  limits: { nice: 10 },
  // It can't be the default of a task in a container; that of a task is among the tasks.
  run_as: null,
  leftovers: "keep",
  inherit_environment: false,
  retention: { runs: 10, days: "all" },
  notify: [{ type: "webhook", url: "https://example.com/hook", on: ["failure"] }],
};

const OF_JOB_IN_API: Readonly<Record<string, Fields>> = {
  // The engine knows the former ids of a job.
  formerly: {},
  schedule: {
    schedule: ["0 2 * * *"],
    timezone: "Europe/Paris",
    catchup: "all",
    catchup_window_ms: 86_400_000,
    jitter_ms: 30_000,
    except: ["2031-12-25"],
  },
  triggers: {
    triggers: [
      {
        type: "webhook",
        name: "push",
        path: "/api/hooks/all_fields/push",
        verify: "hmac",
        secrets: ["file hook.secret"],
        header: "x-signature",
        algorithm: "sha512",
        encoding: "base64",
        prefix: "v1=",
        id_header: "x-id",
        events: null,
        headers: ["x-extra"],
        if: "event.body.ok == true",
        params: { day: "${{ event.body.day }}" },
        debounce: { key: "${{ event.body.day }}", wait_ms: 30_000, max_wait_ms: 300_000 },
        on_overlap: "skip",
        on_pause: "skip",
      },
      {
        type: "files",
        name: "inbox",
        paths: ["/srv/in/*.csv"],
        settle_ms: 60_000,
        batch: "all",
        max: 5,
        existing: "run",
        done: "${{ event.path }}.ok",
        identity: "content",
        interval_ms: 120_000,
        if: null,
        params: { day: "1" },
        debounce: null,
        on_overlap: "queue",
        on_pause: "keep",
      },
      {
        type: "nats",
        name: "created",
        stream: "ORDERS",
        subject: "orders.*",
        headers: ["x-tenant"],
        if: null,
        params: { day: "1" },
        debounce: null,
        on_overlap: "replace",
        on_pause: "keep",
      },
      {
        type: "run",
        name: null,
        job_id: "other",
        on: ["failed"],
        if: null,
        params: { day: "1" },
        debounce: null,
        on_overlap: "queue",
        on_pause: "keep",
      },
    ],
  },
  timeout: { timeout_ms: 7_200_000 },
  warn_after: { warn_after_ms: 1_800_000 },
  expect: { expect: { success_within_ms: 93_600_000 } },
  kill_grace: { kill_grace_ms: 5_000 },
  depends_on: { depends_on: [{ job_id: "other", condition: "last_complete", window_ms: null }] },
  params: {
    params: {
      day: { description: "Which day", default: "1", required: true, enum: null, pattern: "^.$", secret: false },
      list: { description: null, default: "[]", required: false, enum: null, pattern: null, secret: false },
    },
  },
  runs_on: {},
  limits: {},
  run_as: {},
  leftovers: {},
  notify: {
    notify: [
      {
        type: "webhook",
        target: "https://example.com/…",
        url: "https://example.com/…",
        on: ["failure"],
        headers: [],
        header_values: {},
        signed: false,
        secret: null,
        timeout_ms: 10_000,
      },
    ],
  },
};

/** Returns the text of a job file, which may be JSON, and a job that it refers to. */
const fileOf = (job: Fields): string => `${JSON.stringify(job)}\n---\n${OTHER}`;

const OTHER = "id: other\nparams: {day: {}}\ntasks: [{id: only, type: command, command: 'true'}]\n";

/** Returns the answer for the first job of a file. */
const answerFor = async (text: string): Promise<string> => {
  const { jobs, problems } = readJobFile({ file: "f.yaml", folder: "/jobs", text });
  expect(problems).toEqual([]);
  for (const job of jobs) expect(JSON.stringify(shownFields(job))).not.toMatch(/hunter2|123456/);
  const response = await fakeApi({ jobs }).ask(`/api/jobs/${jobs[0]?.id}`);
  expect(response.status).toBe(200);
  return await response.text();
};

/** Returns what the API has to return for given fields. */
const expected = (given: Fields, inApi: Readonly<Record<string, Fields>>): Fields =>
  Object.assign({}, ...Object.entries(given).map(([field, value]) => inApi[field] ?? { [field]: value }));

/** Fields with another value in a version: as petit understands them. What a job says for its tasks is theirs. */
const IN_VERSION: Readonly<Record<string, Fields>> = {
  expect: { expect: { success_within: "1d2h" } },
  runs_on: {},
  limits: {},
  run_as: {},
  leftovers: {},
  schedule: { schedule: { ...Object(JOB_FIELDS.schedule), cron: "0 2 * * *" } },
  triggers: {
    triggers: [
      expect.objectContaining({
        type: "webhook",
        verify: "hmac",
        secret: { file: "hook.secret" },
        header: "x-signature",
        algorithm: "sha512",
        encoding: "base64",
        prefix: "v1=",
        id_header: "x-id",
        headers: ["x-extra"],
      }),
      expect.objectContaining({ type: "files", paths: ["/srv/in/*.csv"], settle: "1m", interval: "2m" }),
      expect.objectContaining({ type: "nats", stream: "ORDERS", headers: ["x-tenant"] }),
      expect.objectContaining({ type: "run", job: "other", on: ["failed"] }),
    ],
  },
};

test("a version has every field of its file under the same name", () => {
  const text = fileOf({ ...JOB_FIELDS, tasks: Object.values(TASKS) });
  const job = readJobFile({ file: "f.yaml", folder: "/jobs", text }).jobs.find(({ id }) => id === "all_fields");
  if (job === undefined) throw new Error("the file has problems");
  const { tasks, ...fields } = jobFields(job);
  expect(fields).toMatchObject(expected(JOB_FIELDS, IN_VERSION));
  for (const [index, task] of Object.values(TASKS).entries())
    expect(Array.isArray(tasks) && tasks[index]).toMatchObject(expected(task, { timeout_secs: { timeout: "1m" } }));
});

test("a job has every field of its file", async () => {
  const answer = await answerFor(fileOf({ ...JOB_FIELDS, tasks: Object.values(TASKS) }));
  const { tasks, ...job } = JSON.parse(answer);
  expect(Object.keys(JOB_FIELDS).concat("tasks").sort()).toEqual(Object.keys(JOB.fields).sort());
  expect(job).toMatchObject(expected(JOB_FIELDS, OF_JOB_IN_API));
  const given = new Set(Object.values(TASKS).flatMap((task) => Object.keys(task)));
  expect([...given].sort()).toEqual(Object.keys(TASK.fields).sort());
  for (const [index, task] of Object.values(TASKS).entries()) {
    expect(tasks[index]).toMatchObject(expected(task, IN_API));
  }
});

test("a job shows no value that may be a secret", async () => {
  const answer = await answerFor(`
id: secrets
environment: {API_TOKEN: hunter2, KEY: {env: KEY}}
config: {database: {password: hunter2, pin: 1234, url: "postgres://user:hunter2@db/x"}}
tasks:
  - {id: a, type: shell, script: "curl 'https://x/?token=hunter2'", environment: {DB_PASSWORD: hunter2, DAY: "1"}}
  - {id: b, type: http, url: "https://x/?access_token=hunter2", method: POST, headers: {Cookie: hunter2}, json: {secret: 123456, day: 1}}
  - {id: c, type: command, command: "true", args: ["https://user:hunter2@x/"], stdin: "https://user:hunter2@x/"}
`);
  expect(answer).not.toContain("hunter2");
  expect(answer).not.toContain("123456");
  expect(JSON.parse(answer)).toMatchObject({
    environment: { API_TOKEN: "…", KEY: { env: "KEY" } },
    config: { database: { password: "…", pin: 1234, url: "postgres://…@db/x" } },
    tasks: [
      { script: "curl 'https://x/?token=…'", environment: { DB_PASSWORD: "…", DAY: "1" } },
      { url: "https://x/?access_token=…", headers: { Cookie: "…" }, json: { secret: "…", day: 1 } },
      { args: ["https://…@x/"], stdin: "https://…@x/" },
    ],
  });
});

const HIDDEN: Readonly<Record<string, readonly [field: string, shown: unknown]>> = {
  "a token in the fragment of a link": [
    "links: {runbook: 'https://wiki/#access_token=hunter2'}",
    { links: { runbook: "https://wiki/#access_token=…" } },
  ],
  "a token in the URL of a link": [
    "links: {runbook: 'https://wiki/?token=hunter2'}",
    { links: { runbook: "https://wiki/?token=…" } },
  ],
  "a link whose name suggests a secret": [
    "links: {token: 'https://wiki/hunter2'}",
    { links: { token: "https://wiki/…" } },
  ],
  "the default of a password": [
    "params: {db_password: {default: hunter2}}",
    { params: { db_password: { default: "…", enum: null, secret: true } } },
  ],
  "the allowed values of a token": [
    "params: {token: {enum: [hunter2, hunter22]}}",
    { params: { token: { default: null, enum: ["…", "…"], secret: true } } },
  ],
  "the default of a param with a URL": [
    "params: {url: {default: 'https://u:hunter2@x/'}}",
    { params: { url: { default: "https://…@x/", secret: true } } },
  ],
  "a list of secrets in the config": ["config: {tokens: [hunter2, hunter2]}", { config: { tokens: ["…", "…"] } }],
  "a URL with a password in a description": [
    "description: see https://u:hunter2@wiki/",
    { description: "see https://…@wiki/" },
  ],
};

test.each(Object.entries(HIDDEN))("a job hides %s, also in its text", async (_, [field, shown]) => {
  const text = `id: j\n${field}\ntasks: [{id: t, type: command, command: 'true'}]\n`;
  const answer = await answerFor(text);
  expect(answer).not.toContain("hunter2");
  expect(JSON.parse(answer)).toMatchObject(shown as Fields);
  expect(await textFor(text)).not.toContain("hunter2");
});

/** Returns the displayed text of a file with one job. */
const textFor = async (text: string): Promise<string> => {
  const [read] = readJobFile({ file: "f.yaml", folder: "/jobs", text }).jobs;
  return read?.source.document?.text ?? "";
};

/** A task, and what the API shows of its texts. */
const HIDDEN_IN_TASKS: readonly (readonly [task: string, shown: Fields])[] = [
  ["command: mc, args: ['--password=hunter2', '-v']", { args: ["--password=…", "-v"] }],
  ["command: mc, args: [--api-key, hunter2, --day, '1']", { args: ["--api-key", "…", "--day", "1"] }],
  ["command: mc, args: ['--password=${{ params.day }}']", { args: ["--password=${{ params.day }}"] }],
  ["command: mc, args: [--token, '${{ params.day }}']", { args: ["--token", "${{ params.day }}"] }],
  ["command: mc, args: [--password-file, /run/pw]", { args: ["--password-file", "/run/pw"] }],
  ["command: curl, args: [-u, 'me:hunter2']", { args: ["-u", "me:…"] }],
  ["command: curl, args: [-H, 'Authorization: Bearer hunter2']", { args: ["-H", "Authorization: …"] }],
  ["command: cat, stdin: 'Bearer hunter2'", { stdin: "Bearer …" }],
  ["command: cat, stdin: 'password=hunter2'", { stdin: "password=…" }],
  ["command: docker, args: [login, --password-stdin], stdin: hunter2", { stdin: "…" }],
];

test.each(HIDDEN_IN_TASKS)("a task hides secrets in '%s', also in the text of its job", async (task, shown) => {
  const text = `id: j\nparams: {day: {default: '1'}}\ntasks: [{id: t, type: command, ${task}}]\n`;
  const answer = await answerFor(text);
  expect(answer).not.toContain("hunter2");
  expect(JSON.parse(answer).tasks[0]).toMatchObject(shown);
  expect(await textFor(text)).not.toContain("hunter2");
});

/** Lines of scripts, and how they are shown. */
const LINES: readonly (readonly [line: string, shown: string])[] = [
  ["export DB_PASSWORD=hunter2", "export DB_PASSWORD=…"],
  ['API_TOKEN="hunter2 x" ./run.sh', 'API_TOKEN="…" ./run.sh'],
  ["curl -H 'X-Api-Key: hunter2' https://x/", "curl -H 'X-Api-Key: …' https://x/"],
  ['curl -H "Authorization: Basic hunter2=="', 'curl -H "Authorization: …"'],
  ['curl -H "Authorization: Bearer $TOKEN"', 'curl -H "Authorization: Bearer $TOKEN"'],
  ["curl --user me:hunter2 https://x/", "curl --user me:… https://x/"],
  ["mysql -u root -phunter2 shop", "mysql -u root -p… shop"],
  ["sshpass -p hunter2 ssh web-1", "sshpass -p … ssh web-1"],
  ["mc --secret-key hunter2 ls", "mc --secret-key … ls"],
  ["curl https://hooks.slack.com/services/T0/B0/hunter2", "curl https://hooks.slack.com/services/…"],
  ["git push https://ghp_abcdefghijklmnopqrstuvwx0123456789@github.com/x", "git push https://…@github.com/x"],
  ["gh auth --with ghp_abcdefghijklmnopqrstuvwx0123456789", "gh auth --with …"],
  [`echo '{"password": "hunter2"}'`, `echo '{"password": "…"}'`],
  ["  password: hunter2", "  password: …"],
  ['password = "hunter2"', 'password = "…"'],
  // Variables, and names of what is no secret, stay.
  ['PASSWORD="$(cat /run/password)"', 'PASSWORD="$(cat /run/password)"'],
  ["TOKEN=$1 ./x --token $TOKEN --password-file /run/pw", "TOKEN=$1 ./x --token $TOKEN --password-file /run/pw"],
  ['token = os.environ["TOKEN"]', 'token = os.environ["TOKEN"]'],
  ["connect(password=read_password())", "connect(password=read_password())"],
  ['if [ "$TOKEN" = "" ]; then exit 1; fi', 'if [ "$TOKEN" = "" ]; then exit 1; fi'],
  ["pg_dump --no-password shop", "pg_dump --no-password shop"],
  ["# The token is in the vault; see https://wiki/tokens", "# The token is in the vault; see https://wiki/tokens"],
  ["a=1 b=2 tar --exclude=x -czf out.tgz .", "a=1 b=2 tar --exclude=x -czf out.tgz ."],
];

test.each(LINES)("the script '%s' is shown as '%s'", async (line, shown) => {
  const text = `id: j\ntasks:\n  - id: t\n    type: shell\n    script: |\n      set -e\n      ${line}\n      echo end\n`;
  expect(JSON.parse(await answerFor(text)).tasks[0].script).toBe(`set -e\n${shown}\necho end\n`);
  expect(await textFor(text)).toContain(`      ${shown}\n`);
});

test("a long text is searched for secrets in little time", () => {
  for (const part of ["a=", "-p ", "token ", "x:", "--a-", "https://", "'a: ", "-----BEGIN A PRIVATE KEY-----"]) {
    const text = part.repeat(500_000 / part.length);
    const cpuTime = measureCpu();
    maskText(text);
    expect([part, cpuTime() < 2_000]).toEqual([part, true]);
  }
});

test.each(FIXTURE_SCHEMAS)("the definitions that a petit of schema %d has stored are returned", async (schema) => {
  using dir = tempDir();
  const { path } = copyFixtureDatabase(schema, dir.path);
  using store = openStore({ path, runtime: openRuntime() });
  const jobs = [...store.jobs.list().values()].map(({ job }) => job);
  const { ask } = fakeApi({ jobs });
  expect(jobs).not.toEqual([]);
  for (const { id } of jobs) expect([id, (await ask(`/api/jobs/${id}`)).status]).toEqual([id, 200]);
});
