import { describe, expect, test } from "bun:test";
import { isUnedited, type Unit, unitFile } from "../../../src/app/systemd/unit-file.ts";

const PLAIN: Unit = {
  role: "scheduler",
  scope: "system",
  exec: "/usr/local/bin/petit",
  jobsDir: null,
  db: null,
  stateDir: null,
  credentials: [],
  config: null,
  args: [],
  runAs: "petit",
  token: { kind: "stores" },
  writable: null,
  edits: false,
  sandbox: true,
  stopSeconds: 60,
  version: "1.2.3",
};

/** What petit may write to although the rest of the file system of cgroups is read-only. */
const CGROUPS = "-/sys/fs/cgroup/system.slice/system-petit.slice/petit-tasks";

/** All values of a directive, in order. */
const values = (unit: Partial<Unit>, directive: string): readonly string[] =>
  unitFile({ ...PLAIN, ...unit })
    .split("\n")
    .filter((line) => line.startsWith(`${directive}=`))
    .map((line) => line.slice(directive.length + 1));

describe("the unit file", () => {
  test("uses petit's own folders by default", () => {
    expect(values({}, "ExecStart")).toEqual(["/usr/local/bin/petit run %E/petit/jobs --db %S/petit/petit.db"]);
    expect(values({}, "StateDirectory")).toEqual(["petit"]);
    expect(values({}, "WorkingDirectory")).toEqual(["%S/petit"]);
  });

  test("quotes arguments so that systemd passes them unchanged", () => {
    const unit = {
      exec: "/opt/my petit/petit",
      jobsDir: "/srv/100%/$HOME",
      db: "/srv/a b.db",
      config: "/etc/petit/100%.yaml",
      args: ["--api-host=::1", "--cors-origin=http://a b"],
    };
    expect(values(unit, "ExecStart")).toEqual([
      `"/opt/my petit/petit" run "/srv/100%%/$$HOME" --db "/srv/a b.db" --config=/etc/petit/100%%.yaml --api-host=::1 "--cors-origin=http://a b"`,
    ]);
  });

  test("uses readiness notification and the watchdog", () => {
    expect(values({}, "Type")).toEqual(["notify"]);
    expect(values({}, "NotifyAccess")).toEqual(["main"]);
    expect(values({}, "WatchdogSec")).toEqual(["30"]);
    expect(values({}, "WatchdogSignal")).toEqual(["SIGKILL"]);
  });

  test("does not kill tasks and allows enough time for a drain", () => {
    expect(values({}, "KillMode")).toEqual(["process"]);
    expect(values({ stopSeconds: 75 }, "TimeoutStopSec")).toEqual(["75"]);
  });

  test("restarts petit unless the configuration is invalid", () => {
    expect(values({}, "Restart")).toEqual(["on-failure"]);
    expect(values({}, "RestartPreventExitStatus")).toEqual(["2"]);
    expect(values({}, "StartLimitIntervalSec")).toEqual(["0"]);
  });

  test("removes Bun's variables", () => {
    expect(values({}, "UnsetEnvironment")).toEqual(["BUN_BE_BUN BUN_OPTIONS"]);
  });

  test("reads the token from the named file, otherwise from systemd's credential stores", () => {
    expect(values({}, "LoadCredential")).toEqual(["petit-token"]);
    expect(values({ token: { kind: "file", path: "/etc/petit/100%" } }, "LoadCredential")).toEqual([
      "petit-token:/etc/petit/100%%",
    ]);
  });

  test("runs a worker with its own state, and files that systemd reads for it", () => {
    const credentials = [["nats-creds", "/etc/petit/100%.nk"]] as const;
    const unit = { role: "worker", credentials, args: ["--name=box7"] } as const;
    expect(values(unit, "ExecStart")).toEqual([
      `/usr/local/bin/petit worker --state-dir %S/petit-worker --nats-creds=\${CREDENTIALS_DIRECTORY}/nats-creds --name=box7`,
    ]);
    expect(values(unit, "LoadCredential")).toEqual(["nats-creds:/etc/petit/100%%.nk"]);
    expect(values(unit, "StateDirectory")).toEqual(["petit-worker"]);
    expect(values(unit, "KillMode")).toEqual(["process"]);
    expect(values(unit, "ExecReload")).toEqual([]);
  });

  test("for a user runs as that user without a sandbox, from login", () => {
    expect(values({ scope: "user" }, "User")).toEqual([]);
    expect(values({ scope: "user" }, "ProtectSystem")).toEqual([]);
    expect(values({ scope: "user" }, "NoNewPrivileges")).toEqual([]);
    expect(values({ scope: "user" }, "WantedBy")).toEqual(["default.target"]);
    expect(values({ scope: "user" }, "UMask")).toEqual(["0077"]);
    expect(values({ runAs: "etl" }, "User")).toEqual(["etl"]);
    expect(values({}, "WantedBy")).toEqual(["multi-user.target"]);
  });

  test("lets petit limit tasks in a folder beside the service, which keeps its limits during restarts", () => {
    const slice = "/sys/fs/cgroup/system.slice/system-petit.slice";
    expect(values({}, "Slice")).toEqual(["system-petit.slice"]);
    expect(values({}, "Delegate")).toEqual(["cpu memory pids"]);
    expect(values({}, "Environment")).toEqual([`PETIT_CGROUP=${slice}/petit-tasks`]);
    expect(values({ runAs: "etl" }, "ExecStartPre")).toEqual([
      `-+/bin/sh -c 'PATH=/usr/sbin:/usr/bin:/sbin:/bin; cd ${slice} && mkdir -p petit-tasks && chown etl cgroup.procs petit-tasks petit-tasks/cgroup.procs petit-tasks/cgroup.subtree_control petit-tasks/cgroup.threads'`,
    ]);
  });

  test("does not let petit move the processes of a worker, whose slice is another one", () => {
    expect(values({ role: "worker" }, "Slice")).toEqual(["system-petitworker.slice"]);
    expect(values({ role: "worker", scope: "user" }, "Slice")).toEqual(["app-petitworker.slice"]);
  });

  test("runs nothing as root to limit tasks of a user's service", () => {
    const slice = "/sys/fs/cgroup/user.slice/user-%U.slice/user@%U.service/app.slice/app-petit.slice";
    expect(values({ scope: "user" }, "Environment")).toEqual([`PETIT_CGROUP=${slice}/petit-tasks`]);
    expect(values({ scope: "user" }, "ExecStartPre")).toEqual([`-/bin/sh -c 'cd ${slice} && mkdir -p petit-tasks'`]);
  });

  test("lets petit write to the folder of a database elsewhere", () => {
    expect(values({}, "ReadWritePaths")).toEqual(["-/tmp -/var/tmp", CGROUPS]);
    expect(values({ writable: "/srv/da ta" }, "ReadWritePaths")).toEqual(["-/tmp -/var/tmp", CGROUPS, '"/srv/da ta"']);
    expect(values({ sandbox: false, writable: "/srv/data" }, "ReadWritePaths")).toEqual([]);
  });

  test("lets petit write to the folder of job files that people edit", () => {
    const paths = (unit: Partial<Unit>) => values({ edits: true, ...unit }, "ReadWritePaths");
    expect(paths({})).toEqual(["-/tmp -/var/tmp", CGROUPS, "-%E/petit/jobs"]);
    expect(paths({ jobsDir: "/srv/my jobs", writable: "/srv/db" })).toEqual([
      "-/tmp -/var/tmp",
      CGROUPS,
      "/srv/db",
      '"-/srv/my jobs"',
    ]);
    expect(paths({ sandbox: false })).toEqual([]);
    expect(paths({ scope: "user" })).toEqual([]);
  });

  test("lets tasks of a worker use devices, such as a GPU", () => {
    expect([values({}, "PrivateDevices"), values({}, "DevicePolicy")]).toEqual([["yes"], ["closed"]]);
    const worker = { role: "worker" } as const;
    expect([values(worker, "PrivateDevices"), values(worker, "DevicePolicy")]).toEqual([["no"], ["auto"]]);
  });

  test("explains for each restriction which jobs need it relaxed", () => {
    const sandbox = unitFile(PLAIN).split("# The sandbox:")[1]?.split("[Install]")[0] ?? "";
    const blocks = sandbox.matchAll(/((?:^#.*\n)+)((?:^[^#\n].*\n)+)/gm).toArray();
    const narrowing = ["ProtectHome", "NoNewPrivileges", "PrivateDevices", "ProtectClock", "ProtectProc"];
    const others = [
      "RestrictNamespaces",
      "RestrictRealtime",
      "LockPersonality",
      "RestrictAddressFamilies",
      "SystemCallFilter",
    ];
    for (const directive of ["ProtectSystem", "UMask", ...narrowing, ...others]) {
      const comment = blocks.find(([, , lines]) => new RegExp(`^${directive}=`, "m").test(lines ?? ""))?.[1];
      expect({ directive, comment }).toEqual({ directive, comment: expect.stringMatching(/^# Jobs /) });
    }
  });
});

describe("an edited unit file", () => {
  test("is detected by its checksum", () => {
    const text = unitFile(PLAIN);
    expect(isUnedited(text)).toBe(true);
    expect(isUnedited(text.replace("WatchdogSec=30", "WatchdogSec=60"))).toBe(false);
    expect(isUnedited(`${text}\n`)).toBe(false);
  });

  test("includes every file that petit did not write", () => {
    for (const text of ["", "[Service]\nExecStart=/usr/bin/petit\n", unitFile(PLAIN).split("\n").slice(1).join("\n")]) {
      expect(isUnedited(text)).toBe(false);
    }
  });
});
