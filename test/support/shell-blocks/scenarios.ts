import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { deno, denoEnvironment } from "../deno.ts";
import { startNats } from "../nats/server.ts";
import { ask, post, runToEnd } from "../petit/api.ts";
import { startPetit } from "../petit/petit.ts";
import type { Machine } from "../systemd/machine.ts";
import { installService } from "../systemd/service.ts";
import { tempDir } from "../temp-dir.ts";
import { eventually } from "../torture/run.ts";
import { startWorkerProcess } from "../workers/worker-process.ts";
import { type Place, runIn, startIn } from "./place.ts";

export const ROOT = join(import.meta.dirname, "../../..");
export const PETIT = join(ROOT, "dist/petit");

/** The commands that do not run in these tests, and why. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  "scripts/test": "it runs all tests, these included",
  "scripts/check": "it checks the checkout, for a minute",
  "scripts/test-vm": "it boots a virtual machine, for minutes",
  "scripts/build": "it replaces the executable that the tests run",
  "scripts/docs": "it changes the pages; test/docs.test.ts compares them with what it writes",
  "scripts/release": "it builds for minutes; test/e2e/install/release.test.ts tests its parts",
  "scripts/smoke --all": "it needs the archives of scripts/release",
  "scripts/smoke-debian": "it needs the archives of scripts/release, and a mirror of Debian",
  "docker build -f scripts/Containerfile -t petit dist/release":
    "it needs the archives of scripts/release, and a registry of images",
  'docker run -d --name petit -p 127.0.0.1:8565:8565 -v ./jobs:/jobs:ro -v petit:/data -e PETIT_API_TOKEN="$(petit token --print --token-file petit.token)" petit':
    "it needs the image of the command above",
  ...Object.fromEntries(
    [
      "sudo apt-get install ./petit_0.1.0-1_amd64.deb",
      "sudo cp /etc/petit/jobs/hello.yaml.example /etc/petit/jobs/hello.yaml",
      "sudo systemctl enable --now petit",
      "sudo petit trigger hello --wait",
      "sudo install -D -m 644 petit.gpg /etc/apt/keyrings/petit.gpg",
    ].map((command) => [command, "test/vm/packages.test.ts does the same in a virtual machine"]),
  ),
  "PETIT_GPG_KEY=packages@example.org scripts/packaging/linux/repository site dist/release/*.deb":
    "it needs a release and a key; test/e2e/install/packages.test.ts tests it",
  ...(deno.path === null ? { "deno run -A src/main.ts run examples/jobs": `there is no Deno: ${deno.reason}` } : {}),
  ...(Bun.which("minisign") === null ? { "minisign -Vm SHA256SUMS -P KEY": "there is no minisign" } : {}),
};

/** What a block needs to know about what was prepared for it. */
export type Facts = {
  /** The petit that commands talk to, instead of the shared one. */
  readonly url?: string;
  /** What stands in the place of words of the block. */
  readonly words?: Readonly<Record<string, string>>;
  /** What happens before a command. */
  readonly before?: Readonly<Record<string, () => Promise<unknown>>>;
};

export type Setting = {
  readonly place: Place;
  /** Null unless the block runs on a machine. */
  readonly machine: Machine | null;
  /** Disposed at the end of the block. */
  readonly parts: AsyncDisposableStack;
};

/** What a block needs besides a folder with a job in `jobs`. */
export type Scenario = {
  /** Where it runs: in a folder of its own, in the checkout, or on a machine with systemd. */
  readonly where: "folder" | "checkout" | "machine";
  /** The block is the continuation of this one, which runs before it. */
  readonly follows?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly prepare?: (setting: Setting) => Promise<Facts>;
};

/** A job of the Rust petit. */
const OLD_JOB = `id: report
name: Report
schedule: "0 0 9 * * 2-6"
tasks: [{id: run, name: Run, type: command, command: echo, args: [done]}]
`;

const ONLY_TASK = "tasks: [{id: only, type: command, command: date}]\n";

/** Writes the files that the pages expect. */
export const writeSamples = (place: Place): void => {
  place.write("jobs/sample.yaml", readFileSync(join(ROOT, "examples/jobs/hello_world.yaml"), "utf8"));
  place.write("old-jobs/report.yaml", OLD_JOB);
};

const withFiles =
  (files: Readonly<Record<string, string>>): NonNullable<Scenario["prepare"]> =>
  async ({ place }) => {
    for (const [path, text] of Object.entries(files)) place.write(path, text);
    return {};
  };

/** Timers of systemd that are enabled. */
const UNITS = {
  "units/backup.timer": "[Timer]\nOnCalendar=Mon..Fri 02:30\n",
  "units/backup.service": "[Service]\nExecStart=/usr/local/bin/backup\n",
  "units/certbot.timer": "[Timer]\nOnCalendar=daily\n",
  "units/certbot.service": "[Service]\nExecStart=/usr/bin/certbot renew\n",
  "units/timers.target.wants/backup.timer": "",
  "units/timers.target.wants/certbot.timer": "",
};

/** DAGs of Dagu. */
const DAGS = {
  "../home/.config/dagu/dags/sales.yml": "schedule: 0 9 * * 1-5\nsteps:\n  - echo report\n",
  "../home/.config/dagu/dags/load.yaml": "steps:\n  - command: echo load\n",
  "etl.yaml": "steps:\n  - command: echo etl\n",
};

/** An export of Cronicle. */
const EVENTS = {
  "export.txt":
    'global/schedule/0 - {"items":[{"id":"e1","title":"clean","enabled":1,"plugin":"shellplug","timing":{"hours":[3],"minutes":[0]},"params":{"script":"date"}}]}\n',
};

const RELEASES = "/opt/releases";
const RELEASE_PORT = 8099;
const RELEASE_URL = { PETIT_BASE_URL: `http://127.0.0.1:${RELEASE_PORT}` };

/** Serves a release of the built petit, and puts install.sh into the folder. */
const serveRelease = async ({ place, parts }: Setting): Promise<void> => {
  const target = `petit-linux-${process.arch}`;
  const lines = [
    `mkdir -p ${RELEASES}/latest/download ${RELEASES}/download ${RELEASES}/${target}`,
    `cp ${ROOT}/scripts/install.sh .`,
    `cd ${RELEASES}`,
    `printf '#!/bin/sh\\nexec ${PETIT} "$@"\\n' > ${target}/petit`,
    `chmod 755 ${target}/petit`,
    `tar -czf latest/download/${target}.tar.gz ${target}`,
    "cd latest/download",
    `sha256sum ${target}.tar.gz > SHA256SUMS`,
    `cp -r . ${RELEASES}/download/v0.1.0`,
  ];
  await runIn(place, lines.join(" && "));
  const server = `Bun.serve({port: ${RELEASE_PORT}, fetch: (request) => new Response(Bun.file("${RELEASES}" + new URL(request.url).pathname))}); console.log("serves")`;
  const { end } = await startIn(place, `BUN_BE_BUN=1 ${PETIT} -e '${server}'`, "serves");
  parts.defer(end);
  // A service can't run an executable in the checkout.
  parts.defer(async () => void (await runIn(place, `install -m 755 ${PETIT} /usr/local/bin/petit`)));
};

type ServiceSetting = { readonly args?: readonly string[]; readonly isEmpty?: boolean };

/** Installs petit as a service with a first job. */
const service = async (
  { machine, place, parts }: Setting,
  { args = [], isEmpty = false }: ServiceSetting = {},
): Promise<void> => {
  if (machine === null) throw new Error("a service needs a machine");
  parts.use(await installService(machine, { args }));
  if (!isEmpty) await runIn(place, "petit init /etc/petit/jobs");
};

/** The block installs the service itself; the end of the test removes it. */
const INSTALLS_SERVICE: Scenario = {
  where: "machine",
  prepare: async (setting) => {
    await service(setting, { args: ["--no-start"], isEmpty: true });
    await runIn(setting.place, `ln -s ${ROOT}/dist dist`);
    return {};
  },
};

/** A job whose runs fail in the task that the pages name. */
const FAILING = `id: etl
tasks:
  - {id: load, type: shell, script: 'echo wrong >&2; exit 1', retry: {max_attempts: 1}}
  - {id: transform, type: command, command: "true"}
  - {id: test, type: shell, script: 'cd "$PETIT_ARTIFACTS"; echo ok > report.html; head -c 2000 /dev/zero > debug.log'}
`;

/** A petit with the jobs and runs that the pages name. */
export type SharedPetit = AsyncDisposable & {
  readonly url: string;
  readonly dbPath: string;
  /** Ids of its runs, which stand in the place of those on the pages. */
  readonly words: ReadonlyMap<string, string>;
};

export const startShared = async (): Promise<SharedPetit> => {
  const examples = join(ROOT, "examples/jobs");
  const files = ["hello_world.yaml", "greet.yaml"].map((name) => [name, readFileSync(join(examples, name), "utf8")]);
  const petit = await startPetit({ jobs: { ...Object.fromEntries(files), "etl.yaml": FAILING }, args: ["--no-watch"] });
  const [failed, completed] = await Promise.all([runToEnd(petit, "etl"), runToEnd(petit, "hello_world")]);
  const [, shown = ""] = /"run_id": "(.*)"/.exec(readFileSync(join(ROOT, "README.md"), "utf8")) ?? [];
  return {
    url: petit.url,
    dbPath: petit.dbPath,
    words: new Map([
      ["RUN_ID", failed.id],
      [shown, completed.id],
    ]),
    [Symbol.asyncDispose]: () => petit[Symbol.asyncDispose](),
  };
};

/** A petit with NATS and a connected worker `box7`, which has stopped before `forget`: one that is connected can't be removed. */
const withWorker = (forget: string): Scenario => ({
  where: "folder",
  prepare: async ({ parts }) => {
    const dir = parts.use(tempDir());
    const nats = parts.use(await startNats());
    const key = generateSigningKey();
    writeFileSync(dir.file("key"), formatSigningKey(key), { mode: 0o600 });
    const petit = parts.use(await startPetit({ args: ["--nats", nats.url, "--nats-signing-key", dir.file("key")] }));
    const worker = parts.use(startWorkerProcess({ dir: dir.path, nats: nats.url, trust: key.publicKey, name: "box7" }));
    const isInState = (state: string) =>
      eventually(`the worker is ${state}`, async () => {
        const { body } = await ask(petit, "/api/workers");
        return body.workers[0]?.state === state ? true : null;
      });
    await isInState("connected");
    const stop = async (): Promise<void> => {
      worker.kill("SIGTERM");
      await isInState("gone");
    };
    return { url: petit.url, before: { [forget]: stop } };
  },
});

const WORKER =
  "petit worker --nats nats://nats:4222 --nats-creds box7.nk --trust PUBLIC_KEY --name box7 --label gpu --label zone=eu --slots 2";

/** One machine is all of them: that of petit, of its NATS server `nats`, and of the worker `box7`. */
const WITH_MACHINES: Scenario = {
  where: "machine",
  prepare: async ({ place, parts }) => {
    await runIn(place, "echo 127.0.0.1 nats >> /etc/hosts");
    parts.defer(async () => void (await runIn(place, "rm -rf /var/lib/nats")));
    return { before: { [WORKER]: () => runIn(place, "cp nats-keys/box7.nk .") } };
  },
};

/** What the blocks need that do not just run in a folder. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "README.md: petit": { where: "checkout" },
  "README.md: Install": {
    where: "machine",
    environment: RELEASE_URL,
    prepare: async (setting) => {
      await serveRelease(setting);
      return {};
    },
  },
  "README.md: As a service": INSTALLS_SERVICE,
  "README.md: More than one machine": WITH_MACHINES,
  "README.md: Contributing": { where: "checkout" },
  "docs/editing.md: A save": {
    where: "folder",
    prepare: async ({ parts }) => {
      const petit = parts.use(
        await startPetit({ jobs: { "hello.yaml": `id: hello\n${ONLY_TASK}` }, args: ["--edit"] }),
      );
      return { url: petit.url };
    },
  },
  "docs/from-cron.md: Coming from cron": {
    where: "machine",
    prepare: withFiles({
      "/etc/crontab": "SHELL=/bin/sh\n17 * * * *  root  cd / && run-parts --report /etc/cron.hourly\n",
      "/etc/cron.d/package": "# A job of a package\n0 4 * * *  root  echo package\n",
      "/etc/anacrontab": "1 5 cron.daily run-parts /etc/cron.daily\n",
    }),
  },
  "docs/from-cronicle.md: Coming from Cronicle": { where: "folder", prepare: withFiles(EVENTS) },
  "docs/from-dagu.md: Coming from Dagu": { where: "folder", prepare: withFiles(DAGS) },
  "docs/from-systemd-timers.md: Coming from systemd timers": {
    where: "folder",
    environment: { SYSTEMD_UNIT_PATH: "units" },
    prepare: withFiles(UNITS),
  },
  "README.md: Coming from another scheduler": {
    where: "folder",
    environment: { SYSTEMD_UNIT_PATH: "units" },
    prepare: withFiles({ ...UNITS, ...DAGS, ...EVENTS }),
  },
  "docs/http-api.md: Workers": withWorker("curl -X DELETE http://localhost:8565/api/workers/box7"),
  "docs/job-files.md: Versions": {
    where: "folder",
    prepare: async ({ parts }) => {
      const textOf = (cron: string) => `id: data_pipeline\nschedule: "${cron}"\n${ONLY_TASK}`;
      const petit = parts.use(await startPetit({ jobs: { "a.yaml": textOf("@daily") }, args: ["--no-watch"] }));
      writeFileSync(join(petit.jobsDir, "a.yaml"), textOf("@hourly"));
      await post(petit, "/api/jobs/reload");
      return { url: petit.url };
    },
  },
  "docs/job-files.md: Outputs": {
    where: "folder",
    environment: { PETIT_OUTPUT: "outputs.txt" },
    prepare: withFiles({ "report.txt": "all is well\n" }),
  },
  "docs/search.md: Search": {
    where: "folder",
    prepare: async ({ parts }) => {
      const script = "echo connection refused; echo exit code 3; echo timeout >&2";
      const job = `id: data_pipeline\ntags: [nightly]\ntasks: [{id: only, type: shell, script: "${script}"}]\n`;
      const petit = parts.use(await startPetit({ jobs: { "a.yaml": job }, args: ["--no-watch"] }));
      await runToEnd(petit, "data_pipeline");
      return { url: petit.url };
    },
  },
  "docs/security.md: The API (2)": {
    where: "machine",
    prepare: async (setting) => {
      const { place } = setting;
      await service(setting, { args: ["--token"] });
      const removeToken = (): Promise<string> => runIn(place, "petit service install --no-token");
      return { before: { "curl http://localhost:8565/api/jobs": removeToken } };
    },
  },
  // In a database of its own: the first token would end the access of the other blocks.
  "docs/security.md: People and roles": { where: "folder", environment: { PETIT_URL: "", PETIT_DB: "own.db" } },
  "docs/security.md: Downloads": {
    where: "folder",
    prepare: async ({ place }) => {
      await runIn(place, "echo archive > petit-linux-x64.tar.gz && sha256sum petit-linux-x64.tar.gz > SHA256SUMS");
      if (Bun.which("minisign") === null) return {};
      await runIn(place, "minisign -G -W -p key.pub -s key.sec && minisign -S -s key.sec -m SHA256SUMS");
      return { words: { KEY: (await runIn(place, "tail -n 1 key.pub")).trim() } };
    },
  },
  "docs/service.md: As a systemd service": INSTALLS_SERVICE,
  "docs/service.md: From source under Deno": {
    where: "checkout",
    environment: { ...denoEnvironment, PATH: join(deno.path ?? "/none", "..") },
  },
  "docs/backup.md: Restoring": {
    where: "machine",
    prepare: async (setting) => {
      await service(setting);
      await runIn(
        setting.place,
        "mkdir -p -m 700 /var/backups/petit && petit --db /var/lib/petit/petit.db backup /var/backups/petit",
      );
      return {};
    },
  },
  "docs/testing.md: Testing jobs": { where: "checkout" },
  "docs/testing.md: In CI": {
    where: "folder",
    prepare: withFiles({
      "jobs/sample.test.yaml": "job: hello_world\ntests: [{ name: greets, expect: { status: completed } }]\n",
    }),
  },
  "docs/upgrading.md: Upgrading": {
    where: "machine",
    environment: { ...RELEASE_URL, PETIT_DB: "/var/lib/petit/petit.db", PETIT_JOBS_DIR: "/etc/petit/jobs" },
    prepare: async (setting) => {
      await service(setting);
      await serveRelease(setting);
      return {};
    },
  },
  "docs/upgrading.md: Upgrading (2)": {
    where: "machine",
    prepare: async (setting) => {
      await service(setting);
      return {};
    },
  },
  "docs/workers.md: Set up": WITH_MACHINES,
  "docs/workers.md: Draining and upgrading": withWorker("petit worker forget box7"),
  "docs/workers.md: Security": {
    where: "machine",
    follows: "docs/workers.md: Set up",
    prepare: async () => ({
      words: {
        "petit run jobs --nats …": "petit run jobs --nats nats://nats:4222 --nats-creds nats-keys/_scheduler.nk",
        "petit worker --nats … --trust NEW_PUBLIC_KEY …": WORKER,
      },
    }),
  },
};
