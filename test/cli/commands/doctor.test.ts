import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { type CliOptions, petit, type TempFolder, tempFolder } from "../../support/cli.ts";
import { serveHttp, serveTls } from "../../support/engine/test-server.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { receiver } from "../../support/receiver.ts";
import { MAIL_PASSWORD, mailbox } from "../../support/smtp.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { eventually } from "../../support/torture/run.ts";

const HELLO = "id: hello\ntasks: [{id: t, type: shell, script: 'echo hi'}]\n";
const BROKEN = "id: broken\ntask: 1\n";
const PYTHON = "id: snake\ntasks: [{id: t, type: python, inline: true, script: 'print(1)'}]\n";

type Check = {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly hint: string | null;
};
type Setting = {
  readonly name: string;
  readonly value: unknown;
  readonly origin: string;
  readonly from: string | null;
};
type Report = {
  readonly status: number | null;
  readonly checks: readonly Check[];
  readonly settings: readonly Setting[];
  readonly text: string;
};

/** Avoids ports that other tests use. */
const PORT = ["--api-port", "0"];

const doctor = async (args: readonly string[], options: CliOptions = {}): Promise<Report> => {
  const { status, stdout, stderr } = await petit(["doctor", "--json", ...args], options);
  expect(stderr).toBe("");
  return { status, ...JSON.parse(stdout), text: stdout };
};

const find = ({ checks }: Report, name: string): Check => {
  const check = checks.find((each) => each.name === name);
  if (check === undefined) throw new Error(`no check '${name}' in ${checks.map((each) => each.name)}`);
  return check;
};

/** Creates a folder with a job and a database. */
const setUp = async (): Promise<TempFolder> => {
  const folder = tempFolder();
  folder.write("jobs/a.yaml", HELLO);
  const { status } = await petit(["trigger", "jobs", "hello", "--db", "petit.db"], { cwd: folder.path });
  expect(status).toBe(0);
  return folder;
};

const alter = (file: string, ...statements: readonly string[]): void => {
  const db = new Database(file);
  for (const statement of statements) db.run(statement);
  db.close();
};

describe("petit doctor", () => {
  test("finds no problem before the first start, and creates nothing", async () => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", HELLO);
    const report = await doctor(PORT, { cwd: folder.path });
    expect(report.status).toBe(0);
    expect(find(report, "database").message).toBe("petit.db does not exist yet; 'petit run' will create it");
    expect(readdirSync(folder.path)).toEqual(["jobs"]);
  });

  test("accepts an empty file as a new database, as 'petit run' does", async () => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", HELLO);
    folder.write("petit.db", "");
    const report = await doctor(PORT, { cwd: folder.path });
    expect(find(report, "database").message).toBe("petit.db is empty; 'petit run' will initialize it");
    expect(report.status).toBe(0);
  });

  test("accepts runs_on if the running petit has workers, and only then", async () => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", HELLO.replace("type: shell", "runs_on: [gpu], type: shell"));
    const workers = {
      nats: { url: "nats://nats:4222", connected: true, since: 0, error: null },
      workers: [],
      waiting: [],
    };
    await using server = await serveHttp((request, response) => {
      const isAsked = request.url === "/api/workers";
      response.writeHead(isAsked ? 200 : 404, { "content-type": "application/json" }).end(JSON.stringify(workers));
    });
    const args = [...PORT, "--db", ":memory:", "jobs"];
    const running = await doctor([...args, "--url", server.origin], { cwd: folder.path });
    expect(find(running, "job_files")).toMatchObject({ status: "ok", message: "1 job in jobs" });
    const alone = await doctor([...args, "--url", "http://127.0.0.1:9"], { cwd: folder.path });
    expect(find(alone, "job_files")).toMatchObject({ status: "failed" });
    expect(find(alone, "job_files").message).toContain("runs_on needs --nats");
  });

  test("checks a worker by its state folder and labels, not by petit.db, job files and port", async () => {
    using folder = tempFolder();
    const trust = `ed25519:${"A".repeat(43)}`;
    const args = ["--trust", trust, "--state-dir", "state"];
    const fresh = await doctor(args, { cwd: folder.path });
    expect(find(fresh, "database").message).toBe("state has no state yet; 'petit worker' will create it");
    expect(find(fresh, "labels")).toMatchObject({ message: expect.stringContaining("without --label gets no tasks") });
    const names = fresh.checks.map(({ name }) => name);
    expect(names.filter((name) => ["job_files", "port", "scheduler", "token"].includes(name))).toEqual([]);
    expect(fresh.status).toBe(0);
    mkdirSync(join(folder.path, "state"));
    folder.write("jobs/a.yaml", HELLO);
    await petit(["trigger", "jobs", "hello", "--db", "state/worker.db"], { cwd: folder.path });
    const used = await doctor([...args, "--label", "gpu"], { cwd: folder.path });
    expect(find(used, "database").message).toContain(join(folder.path, "state/worker.db"));
    expect(find(used, "labels")).toMatchObject({ status: "ok", message: "gpu" });
  });

  test("reports each check once, without a hint if it passed", async () => {
    using folder = await setUp();
    const report = await doctor([...PORT, "jobs"], { cwd: folder.path });
    const names = report.checks.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of ["database", "integrity", "foreign_keys", "permissions", "folder", "disk_space", "spool"]) {
      expect(find(report, name)).toMatchObject({ status: "ok", hint: null });
    }
    for (const name of ["scheduler", "port", "api_access", "token", "job_files", "clock", "time_zone", "shell"]) {
      expect(find(report, name)).toMatchObject({ status: "ok", hint: null });
    }
    expect(report.status).toBe(0);
    expect(find(report, "database").message).toMatch(/^petit\.db: [0-9.]+ KiB, schema \d+$/);
    expect(find(report, "job_files").message).toBe("1 job in jobs");
  });

  test("prints a table with hints on stdout and a summary on stderr", async () => {
    using folder = await setUp();
    chmodSync(join(folder.path, "petit.db"), 0o644);
    const { status, stdout, stderr } = await petit(["doctor", ...PORT], { cwd: folder.path });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^✓ database {6}petit\.db: /);
    expect(stdout).toMatch(
      /\n! permissions {3}others can read petit\.db \(mode 0644\).*\n {16}→ chmod 600 petit\.db\n/,
    );
    expect(stdout).toMatch(/\n\nSETTING +VALUE +FROM\ndb +petit\.db +default\n/);
    expect(stdout).toMatch(/\napi_port +0 +flag --api-port\n/);
    expect(stderr).toBe("\n1 warning\n");
  });

  test("changes no byte of the database, and creates no file next to it", async () => {
    using folder = await setUp();
    const file = join(folder.path, "petit.db");
    const [bytes, files] = [readFileSync(file), readdirSync(folder.path)];
    await doctor(PORT, { cwd: folder.path });
    expect(readFileSync(file).equals(bytes)).toBe(true);
    expect(readdirSync(folder.path)).toEqual(files);
  });
});

describe("petit doctor finds", () => {
  type Fault = {
    readonly what: string;
    readonly break: (folder: TempFolder) => void;
    readonly args?: readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
    readonly check: string;
    readonly status: "warning" | "failed";
    readonly message: string;
  };
  const faults: readonly Fault[] = [
    {
      what: "a file that is not a database",
      break: (folder) => folder.write("petit.db", "these are notes, and no database at all; ".repeat(50)),
      check: "database",
      status: "failed",
      message: "file is not a database",
    },
    {
      what: "a database of another program",
      break: (folder) => alter(join(folder.path, "petit.db"), "PRAGMA application_id = 1"),
      check: "database",
      status: "failed",
      message: "is not a petit database",
    },
    {
      what: "a database of a newer petit",
      break: (folder) => alter(join(folder.path, "petit.db"), "PRAGMA user_version = 9999"),
      check: "database",
      status: "failed",
      message: "schema 9999 of a newer petit",
    },
    {
      what: "a folder in place of the database",
      break: () => {},
      args: ["--db", "jobs"],
      check: "database",
      status: "failed",
      message: "jobs is not a file",
    },
    {
      what: "a missing folder of the database",
      break: () => {},
      args: ["--db", "no/where.db"],
      check: "folder",
      status: "failed",
      message: "can't be written",
    },
    {
      what: "an index that lacks a row",
      break: (folder) => loseIndexRow(join(folder.path, "petit.db")),
      check: "integrity",
      status: "failed",
      message: "missing from index",
    },
    {
      what: "damaged pages",
      break: (folder) => {
        const file = join(folder.path, "petit.db");
        const bytes = readFileSync(file);
        bytes.fill(0xa5, 4096 * 3);
        writeFileSync(file, bytes);
      },
      check: "database",
      status: "failed",
      message: "malformed",
    },
    {
      what: "rows that refer to missing rows",
      break: (folder) => alter(join(folder.path, "petit.db"), "DELETE FROM runs"),
      check: "foreign_keys",
      status: "failed",
      message: "1 of task_runs → runs",
    },
    {
      what: "a database that others can read",
      break: (folder) => chmodSync(join(folder.path, "petit.db"), 0o640),
      check: "permissions",
      status: "warning",
      message: "mode 0640",
    },
    {
      what: "a spool folder that others can read",
      break: (folder) => chmodSync(join(folder.path, "petit.db-spool"), 0o755),
      check: "spool",
      status: "warning",
      message: "mode 0755",
    },
    {
      what: "a public address without a token",
      break: () => {},
      args: ["--api-host", "0.0.0.0"],
      check: "api_access",
      status: "failed",
      message: "no token is set",
    },
    {
      what: "a missing token file",
      break: () => {},
      args: ["--token-file", "none"],
      check: "token",
      status: "failed",
      message: "can't be read",
    },
    {
      what: "a token file that others can read",
      break: (folder) => chmodSync(folder.write("token", "a-token-that-is-long"), 0o644),
      args: ["--token-file", "token"],
      check: "token",
      status: "warning",
      message: "others can read the token in token (mode 0644)",
    },
    {
      what: "a token that can be guessed",
      break: () => {},
      environment: { PETIT_API_TOKEN: "guess" },
      check: "token",
      status: "warning",
      message: "5 characters",
    },
    {
      what: "broken job files, with the first problems",
      break: (folder) => folder.write("jobs/b.yaml", BROKEN),
      check: "job_files",
      status: "failed",
      message: "in 1 file of jobs; their jobs are ignored:\njobs/b.yaml:",
    },
    {
      what: "a folder without jobs",
      break: (folder) => mkdirSync(join(folder.path, "empty")),
      args: ["empty"],
      check: "job_files",
      status: "warning",
      message: "there are no jobs in empty",
    },
    {
      what: "a missing folder of jobs",
      break: () => {},
      args: ["jbos"],
      check: "job_files",
      status: "failed",
      message: "did you mean 'jobs'?",
    },
    {
      what: "a missing python3 that a job needs",
      break: (folder) => folder.write("jobs/b.yaml", PYTHON),
      environment: { PATH: "/nonexistent" },
      check: "python3",
      status: "failed",
      message: "snake needs it",
    },
    {
      what: "an unknown time zone",
      break: () => {},
      environment: { TZ: "Mars/Olympus" },
      check: "time_zone",
      status: "warning",
      message: "Mars/Olympus",
    },
    {
      what: "a misspelt variable",
      break: () => {},
      environment: { PETIT_MAX_JOSB: "3" },
      check: "variables",
      status: "warning",
      message: "PETIT_MAX_JOSB is not a setting; did you mean PETIT_MAX_JOBS?",
    },
    {
      what: "too few open files for the tasks",
      break: () => {},
      args: ["--max-jobs", "100000"],
      check: "open_files",
      status: "warning",
      message: "the limit of open files is ",
    },
    {
      what: "too few open files for the connections",
      break: () => {},
      args: ["--max-connections", "100000"],
      check: "open_files",
      status: "warning",
      message: "the limit of open files is ",
    },
  ];
  test.each(faults)("$what", async (fault) => {
    using folder = await setUp();
    fault.break(folder);
    const environment = fault.environment ?? {};
    const report = await doctor([...PORT, ...(fault.args ?? [])], { cwd: folder.path, environment });
    const found = find(report, fault.check);
    expect(found.message).toContain(fault.message);
    expect(found.status).toBe(fault.status);
    expect(found.hint).not.toBeNull();
    expect(report.status).toBe(report.checks.some(({ status }) => status === "failed") ? 1 : 0);
    if (fault.status === "failed") expect(report.status).toBe(1);
  });

  test("a port that another program uses", async () => {
    using folder = await setUp();
    await using other = await startOther();
    const report = await doctor(["--api-port", String(other.port)], { cwd: folder.path });
    expect(report.status).toBe(1);
    expect(find(report, "port").message).toMatch(
      new RegExp(`^127.0.0.1:${other.port} is in use by .+, process ${process.pid}$`),
    );
    expect(find(report, "scheduler")).toMatchObject({ status: "ok" });
  });

  test.skipIf(process.getuid?.() !== 0)("a disk that is almost full", async () => {
    using folder = await setUp();
    using disk = smallDisk(join(folder.path, "disk"));
    const report = await doctor([...PORT, "--db", join(disk.path, "petit.db")], { cwd: folder.path });
    expect(report.status).toBe(1);
    expect(find(report, "disk_space")).toMatchObject({ status: "failed" });
    symlinkSync(join(disk.path, "petit.db"), join(folder.path, "link.db"));
    const linked = await doctor([...PORT, "--db", "link.db"], { cwd: folder.path });
    expect(find(linked, "disk_space")).toMatchObject({ status: "failed" });
  });

  test("a symbolic link to a missing folder in place of the database", async () => {
    using folder = await setUp();
    symlinkSync(join(folder.path, "gone/petit.db"), join(folder.path, "link.db"));
    const report = await doctor([...PORT, "--db", "link.db"], { cwd: folder.path });
    expect(find(report, "database")).toMatchObject({ status: "failed", message: "link.db can't be created" });
  });

  test("a missing default folder of jobs, as a warning only", async () => {
    using folder = tempFolder();
    const report = await doctor(PORT, { cwd: folder.path });
    expect(find(report, "job_files")).toMatchObject({ status: "warning" });
    expect(report.status).toBe(0);
    expect((await doctor(PORT, { cwd: folder.path, environment: { PETIT_JOBS_DIR: "no" } })).status).toBe(1);
  });
});

test.skipIf(process.geteuid?.() !== 0)("petit doctor finds the programs that run_as and limits.io need", async () => {
  using folder = tempFolder();
  folder.write(
    "jobs/a.yaml",
    "id: a\nlimits: {io: idle}\ntasks: [{id: t, type: shell, script: 'true', run_as: nobody}]\n",
  );
  const report = await doctor([...PORT, "--run-as-allowed", "nobody"], { cwd: folder.path });
  for (const name of ["setpriv", "ionice"])
    expect(find(report, name)).toMatchObject({
      status: "ok",
      message: expect.stringMatching(new RegExp(`^/.*/${name}, for 1 job$`)),
    });
});

test("petit doctor lists the receivers of failing sendings without their secrets", async () => {
  const notify = "[{type: webhook, url: 'http://127.0.0.1:1/s3cret'}]";
  const told = `id: told\nnotify: ${notify}\ntasks: [{id: t, type: shell, script: 'exit 1'}]\n`;
  await using running = await startPetit({ jobs: { "told.yaml": told } });
  const args = [running.jobsDir, "--db", running.dbPath, "--api-port", new URL(running.url).port];
  expect(find(await doctor(args), "notifications")).toMatchObject({ status: "ok" });
  await running.fetch("/api/jobs/told/trigger?wait=30", { method: "POST" });
  await eventually("it was tried", () => (running.stderr().includes("was not delivered") ? true : null));
  const report = await doctor(args);
  const check = find(report, "notifications");
  expect(check).toMatchObject({ status: "warning", hint: expect.stringContaining("/api/notifications") });
  expect(check.message).toMatch(
    /^sendings to 1 receiver are failing:\ntold to http:\/\/127.0.0.1:1\/… \(webhook\): can't be reached.* \(1 waiting\)$/,
  );
  expect(report.text).not.toContain("s3cret");
});

test("petit doctor names the secrets of notifications that can't be read, also those of the configuration file", async () => {
  using folder = tempFolder();
  const notify = "[{type: slack, url: {env: PETIT_HOOK}}]";
  const task = "tasks: [{id: t, type: shell, script: x}]\n";
  folder.write("jobs/told.yaml", `id: told\nnotify: ${notify}\n${task}---\nid: a\n${task}---\nid: b\n${task}`);
  const config = folder.write("config.yaml", "notify: [{type: ntfy, url: {file: topic}}]\n");
  const args = [`${folder.path}/jobs`, "--config", config, ...PORT];
  const check = find(await doctor(args, { cwd: folder.path }), "notify");
  expect(check).toMatchObject({ status: "warning", hint: expect.stringContaining("petit notify test") });
  expect(check.message.split("\n").sort()).toEqual([
    `notify[0].url of the configuration file cannot be used: the file ${folder.path}/topic can't be read (ENOENT)`,
    "notify[0].url of told cannot be used: the variable PETIT_HOOK is not set",
  ]);
  folder.write("topic", "https://ntfy.sh/x");
  const environment = { PETIT_HOOK: "https://a.example" };
  expect(find(await doctor(args, { cwd: folder.path, environment }), "notify").status).toBe("ok");
});

test("petit doctor connects to each receiver once, and sends nothing", async () => {
  await using box = await mailbox();
  await using hook = receiver();
  using dir = tempDir();
  await using tls = await serveTls(dir, () => {});
  using folder = tempFolder();
  const email = (more: string) =>
    `{type: email, host: localhost, port: ${box.port}, ca_file: ${box.caFile}, user: petit, from: a@example.com, to: ops@example.com, ${more}}`;
  const job = (id: string, ...targets: readonly string[]) =>
    `id: ${id}\nnotify: [${targets.join(", ")}]\ntasks: [{id: t, type: shell, script: x}]\n`;
  folder.write(
    "jobs/a.yaml",
    [
      job("good", email("password: {env: PETIT_GOOD}"), `{type: slack, url: "${hook.url}/s3cret"}`),
      job("later", email("password: {env: PETIT_GOOD}, on: [late]"), `{type: teams, url: "${hook.url}/other"}`),
      job("bad", email("password: {env: PETIT_BAD}"), `{type: webhook, url: "${tls.origin}/s3cret"}`),
      job("unset", "{type: slack, url: {env: PETIT_UNSET}}"),
    ].join("---\n"),
  );
  const environment = { PETIT_GOOD: MAIL_PASSWORD, PETIT_BAD: "wrong-s3cret", NODE_TLS_REJECT_UNAUTHORIZED: "0" };
  const report = await doctor([`${folder.path}/jobs`, ...PORT], { cwd: folder.path, environment });
  const to = `email to ops@example.com (localhost:${box.port})`;
  const [reached, failing] = report.checks.filter(({ name }) => name === "receivers");
  expect(reached).toMatchObject({
    status: "ok",
    message: `${to}: connected with STARTTLS, logged in\nslack to ${hook.url}/…: connected without encryption`,
  });
  expect(failing).toMatchObject({ status: "warning", hint: expect.stringContaining("petit notify test") });
  expect(failing?.message).toMatch(
    /: answered 535 to the login: wrong password\n.*: its certificate is not trusted \(\w+\)$/,
  );
  expect(report.text).not.toContain("s3cret");
  expect([box.received, hook.received]).toEqual([[], []]);
});

describe("petit doctor with a running petit", () => {
  test("shows its address and version, and does not disturb it", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO } });
    const port = new URL(running.url).port;
    const report = await doctor([running.jobsDir, "--db", running.dbPath, "--api-port", port]);
    expect(report.status).toBe(0);
    expect(find(report, "scheduler").message).toMatch(
      new RegExp(`^petit [0-9.]+ at ${running.url} runs on .*petit.db: process ${running.pid} \\(${running.url}\\)$`),
    );
    expect(find(report, "port").message).toMatch(new RegExp(`^127.0.0.1:${port} is in use by petit `));
    expect((await running.fetch("/api/jobs/hello/trigger?wait=10", { method: "POST" })).status).toBe(200);
    expect(running.stderr()).not.toContain('"level":"error"');
  });

  test("shows its address if --url is another one", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO } });
    const report = await doctor([running.jobsDir, "--db", running.dbPath, ...PORT]);
    expect(find(report, "scheduler")).toMatchObject({
      status: "warning",
      hint: `pass its address: --url ${running.url}`,
    });
  });

  test("warns if it runs on another database", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO } });
    using folder = await setUp();
    const port = new URL(running.url).port;
    const report = await doctor(["--api-port", port], { cwd: folder.path });
    expect(find(report, "scheduler")).toMatchObject({
      status: "warning",
      hint: `to check that petit, pass --db ${running.dbPath}; for another one, pass --url`,
    });
    expect(find(report, "port")).toMatchObject({ status: "failed", hint: expect.not.stringContaining("stop") });
  });

  test("shows why its health is degraded", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO, "b.yaml": BROKEN } });
    const report = await doctor([running.jobsDir, "--db", running.dbPath, "--url", running.url, ...PORT]);
    expect(find(report, "scheduler")).toMatchObject({ status: "warning" });
    expect(find(report, "scheduler").message).toContain("b.yaml:2:1");
  });

  test("fails if it has another token", async () => {
    await using running = await startPetit({
      jobs: { "a.yaml": HELLO },
      env: { PETIT_API_TOKEN: "the-right-token-here" },
    });
    const args = [running.jobsDir, "--db", running.dbPath, "--url", running.url, ...PORT];
    for (const token of ["", "another-token-than-that"]) {
      const report = await doctor(args, { environment: { PETIT_API_TOKEN: token } });
      expect(find(report, "token")).toMatchObject({ status: "failed" });
    }
    const right = await doctor(args, { environment: { PETIT_API_TOKEN: "the-right-token-here" } });
    expect(find(right, "token")).toMatchObject({ status: "ok", message: "set by PETIT_API_TOKEN" });
  });

  test("does not take a killed petit for a running one", async () => {
    await using running = await startPetit({ jobs: { "a.yaml": HELLO } });
    await running.kill();
    const report = await doctor([running.jobsDir, "--db", running.dbPath, ...PORT]);
    expect(find(report, "scheduler").message).toMatch(/^no petit runs on /);
    expect(report.status).toBe(0);
  });
});

describe("the settings that petit doctor shows", () => {
  const settingOf = ({ settings }: Report, name: string): Setting | undefined =>
    settings.find((setting) => setting.name === name);

  test("have a value and an origin", async () => {
    using folder = tempFolder();
    const config = folder.write("config.yaml", "api_port: 9000\nkill_grace: 20s\nallowed_hosts: [a.example]\n");
    const environment = { PETIT_MAX_JOBS: "3", PETIT_KILL_GRACE: "1m30s" };
    const report = await doctor(["--config", config, "--no-watch", "some/jobs"], { cwd: folder.path, environment });
    const shown: readonly Setting[] = [
      { name: "watch", value: false, origin: "flag", from: "--no-watch" },
      { name: "jobs_dir", value: "some/jobs", origin: "flag", from: "JOBS_DIR" },
      { name: "max_jobs", value: 3, origin: "environment", from: "PETIT_MAX_JOBS" },
      { name: "kill_grace", value: "1m30s", origin: "environment", from: "PETIT_KILL_GRACE" },
      { name: "api_port", value: 9000, origin: "file", from: config },
      { name: "allowed_hosts", value: ["a.example"], origin: "file", from: config },
      { name: "db", value: "petit.db", origin: "default", from: null },
      { name: "timezone", value: null, origin: "default", from: null },
      { name: "log_limit", value: "16MiB", origin: "default", from: null },
    ];
    for (const setting of shown) expect(settingOf(report, setting.name)).toEqual(setting);
    const { stdout } = await petit(["doctor", "--config", config], { cwd: folder.path, environment });
    expect(stdout).toContain(`config file ${config}\n`);
    expect(stdout).toMatch(/\nmax_jobs +3 +environment PETIT_MAX_JOBS\n/);
  });

  test("are complete, and contain no secrets", async () => {
    using folder = tempFolder();
    const file = folder.write("token", "s3cret-of-the-file");
    const environment = { PETIT_API_TOKEN: "s3cret-variable", PETIT_URL: "http://me:s3cret@127.0.0.1:9" };
    for (const args of [[], ["--token-file", file]]) {
      const report = await doctor([...PORT, ...args], { cwd: folder.path, environment });
      const help = (await petit(["run", "--help"])).stdout;
      const flags = [...help.matchAll(/--(?:no-)?([a-z-]+)/g)].map(([, flag = ""]) => flag.replaceAll("-", "_"));
      const names = report.settings.map(({ name }) => name);
      // Flags of a dry run, which no configuration has.
      const dry = ["dry_run", "at", "for", "speed"];
      const others = ["config", "json", "help", "version", "allowed_host", "cors_origin", "queue", ...dry];
      expect(flags.filter((flag) => !names.includes(flag) && !others.includes(flag))).toEqual([]);
      expect(report.text).not.toContain("s3cret");
    }
  });
});

/** Changes a value in an index, but not in its table. */
const loseIndexRow = (file: string): void => {
  alter(file, "CREATE TABLE t (x)", "CREATE INDEX t_x ON t (x)", "INSERT INTO t VALUES ('what-is-in-the-index')");
  const bytes = readFileSync(file);
  const first = bytes.indexOf("what-is-in-the-index");
  const second = bytes.indexOf("what-is-in-the-index", first + 1);
  expect(second).toBeGreaterThan(first);
  bytes.write("what-is-not-in-there", second);
  writeFileSync(file, bytes);
};

/** Starts a server that is not petit. */
const startOther = async (): Promise<AsyncDisposable & { readonly port: number }> => {
  const server = createServer((_, response) => response.end("<html>"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
};

/** Mounts a disk of 8 MiB. */
const smallDisk = (path: string): { readonly path: string } & Disposable => {
  mkdirSync(path);
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", path]);
  if (status !== 0) throw new Error(`can't mount a disk: ${stderr}`);
  expect(statSync(path).isDirectory()).toBe(true);
  return { path, [Symbol.dispose]: () => void spawnSync("umount", [path]) };
};

test("petit doctor checks the receivers of the digest, also without readable job files, and says when the next one is due", async () => {
  using folder = tempFolder();
  const receivers = "[{type: slack, url: {env: PETIT_HOOK}}]";
  const config = folder.write(
    "config.yaml",
    `timezone: UTC\ndigest: {at: "0 8 * * mon", tag: etl, to: ${receivers}}\n`,
  );
  folder.write("jobs/a.yaml", HELLO);
  for (const jobs of ["jobs", "missing"]) {
    const args = [...PORT, jobs, "--config", config];
    const unset = await doctor(args, { cwd: folder.path });
    expect(find(unset, "notify")).toMatchObject({
      status: "warning",
      message: "url of receiver 1 of the digest cannot be used: the variable PETIT_HOOK is not set",
      hint: expect.stringContaining("petit notify test JOB', or --digest"),
    });
    expect(find(unset, "digest")).toMatchObject({
      status: "ok",
      message: expect.stringMatching(/^next at .*08:00.*, jobs with the tag etl: slack to \(variable PETIT_HOOK\)$/),
    });
    const environment = { PETIT_HOOK: "http://127.0.0.1:1/s3cret-s3cret" };
    const set = await doctor(args, { cwd: folder.path, environment });
    expect(find(set, "notify").status).toBe("ok");
    expect(find(set, "receivers")).toMatchObject({ status: "warning", message: expect.stringContaining("slack to") });
    expect(set.text).not.toContain("s3cret");
  }
}, 60_000);
