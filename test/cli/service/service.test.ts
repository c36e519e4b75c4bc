import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, lstatSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { cleanEnvironment, PETIT_SOURCE, petit, tempFolder } from "../../support/cli.ts";
import { startPetit } from "../../support/petit/petit.ts";

/** An executable that a system service can see. */
const EXEC = "--exec=/bin/sh";

const print = (...args: readonly string[]) => petit(["service", "print", EXEC, ...args]);

const lineOf = (unit: string, directive: string): string | undefined =>
  unit.split("\n").find((line) => line.startsWith(`${directive}=`));

describe("petit service print", () => {
  test("prints the unit and changes nothing", async () => {
    const { status, stdout, stderr } = await print();
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(lineOf(stdout, "ExecStart")).toBe(
      "ExecStart=/bin/sh run %E/petit/jobs --db %S/petit/petit.db --on-shutdown=leave",
    );
    expect(lineOf(stdout, "User")).toBe("User=petit");
    expect(JSON.parse((await print("--json")).stdout)).toEqual({ unit: stdout });
  });

  test("passes on the flags of 'petit run', with systemd's special characters escaped", async () => {
    const flags = ["-j", "8", "--no-watch", "--timezone=Europe/Paris", "--allowed-host=a", "--allowed-host", "b"];
    const { stdout } = await print("/srv/100%/$HOME", "--db=/srv/a b/p.db", ...flags, "--log-level=debug");
    expect(lineOf(stdout, "ExecStart")).toBe(
      `ExecStart=/bin/sh run "/srv/100%%/$$HOME" --db "/srv/a b/p.db" --on-shutdown=leave --allowed-host=a --allowed-host=b --max-jobs=8 --timezone=Europe/Paris --no-watch --log-level=debug`,
    );
    expect(stdout).toContain('\nReadWritePaths="/srv/a b"\n');
  });

  test("lets petit write to the job files with --edit, as the flag or the configuration file says", async () => {
    using folder = tempFolder();
    const paths = async (...args: readonly string[]) =>
      (await print(...args)).stdout.split("\n").filter((line) => line.startsWith("ReadWritePaths=-%E"));
    expect(await paths()).toEqual([]);
    expect(await paths("--edit")).toEqual(["ReadWritePaths=-%E/petit/jobs"]);
    expect(await paths(`--config=${folder.write("petit.yaml", "edit: true\n")}`)).toHaveLength(1);
    expect(lineOf((await print("--edit")).stdout, "ExecStart")).toEndWith(" --edit");
  });

  test("passes on only settings that are given as flags", async () => {
    const { stdout } = await petit(["service", "print", EXEC], { environment: { PETIT_API_PORT: "9000" } });
    expect(stdout).toBe((await print()).stdout);
  });

  test("contains the configuration file, and refuses paths hidden from a system service", async () => {
    using folder = tempFolder();
    const config = `--config=${folder.write("my petit.yaml", "max_jobs: 2\n")}`;
    expect(lineOf((await print(config)).stdout, "ExecStart")).toContain(` "${config}" `);
    symlinkSync("/root", join(folder.path, "link"));
    const { status, stderr } = await print(`${folder.path}/link`);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringContaining("home folders are hidden from it"),
    });
  });

  test("has no user and no sandbox with --user", async () => {
    const { stdout } = await print("--user");
    expect(lineOf(stdout, "User")).toBeUndefined();
    expect(lineOf(stdout, "ProtectSystem")).toBeUndefined();
    expect(lineOf(stdout, "WantedBy")).toBe("WantedBy=default.target");
  });

  test("passes on the flags of 'petit worker' with --worker", async () => {
    using folder = tempFolder();
    const key = "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const flags = ["--nats=nats://nats:4222", "--nats-creds=box7.nk", `--trust=${key}`, "--label=gpu", "--slots=2"];
    const { stdout } = await petit(["service", "print", EXEC, "--worker", ...flags], { cwd: folder.path });
    expect(lineOf(stdout, "ExecStart")).toBe(
      `ExecStart=/bin/sh worker --state-dir %S/petit-worker --nats-creds=\${CREDENTIALS_DIRECTORY}/nats-creds --on-shutdown=leave --nats=nats://nats:4222 --trust=${key} --label=gpu --slots=2`,
    );
    expect(lineOf(stdout, "LoadCredential")).toBe(`LoadCredential=nats-creds:${folder.path}/box7.nk`);
  });

  test("sets the stop timeout of systemd to the longest shutdown", async () => {
    expect(lineOf((await print()).stdout, "TimeoutStopSec")).toBe("TimeoutStopSec=60");
    const { stdout } = await print("--on-shutdown=drain", "--shutdown-timeout=5m", "--kill-grace=1m");
    expect(lineOf(stdout, "TimeoutStopSec")).toBe("TimeoutStopSec=380");
    expect(lineOf(stdout, "ExecStart")).toEndWith("--on-shutdown=drain --shutdown-timeout=5m --kill-grace=1m");
  });

  test("resolves relative paths against the current folder", async () => {
    using folder = tempFolder();
    const args = ["service", "print", EXEC, "--no-sandbox", "jobs", "--db", "p.db", "--token-file", "token"];
    const { stdout } = await petit(args, { cwd: folder.path });
    expect(lineOf(stdout, "ExecStart")).toStartWith(
      `ExecStart=/bin/sh run ${folder.path}/jobs --db ${folder.path}/p.db`,
    );
    expect(lineOf(stdout, "LoadCredential")).toBe(`LoadCredential=petit-token:${folder.path}/token`);
  });

  test("asks for the executable if petit runs from source", async () => {
    const { status, stderr } = await petit(["service", "print"], { command: PETIT_SOURCE });
    expect(status).toBe(2);
    expect(stderr).toContain("build dist/petit with 'scripts/build', then run it, or pass it with --exec FILE");
  });
});

describe("petit service", () => {
  test.each<readonly [string, readonly string[], string]>([
    ["an unknown action", ["instal"], "unknown action 'instal'; did you mean 'install'?"],
    ["a missing action", [], "ACTION"],
    ["an action unlike any other", ["status"], "expected print, install, uninstall"],
    ["--as with --user", ["print", EXEC, "--user", "--as=me"], "--as is only for a system service"],
    ["an invalid user name", ["print", EXEC, "--as=a b"], "--as is 'a b'; expected a user name"],
    [
      "a file that is not executable",
      ["print", "--exec=/etc/passwd"],
      "'/etc/passwd', which is not an executable file",
    ],
    ["--now with --no-start", ["install", EXEC, "--now", "--no-start"], "--now and --no-start exclude each other"],
    ["a folder for uninstall", ["uninstall", "/srv/jobs"], "unexpected argument '/srv/jobs'"],
    ["jobs in a home folder", ["print", EXEC, "/home/me/jobs"], "can't see /home/me/jobs"],
    ["a database in a home folder", ["print", EXEC, "--db=/root/p.db"], "can't see /root/p.db"],
    ["a token file with a space", ["print", EXEC, "--token-file=/srv/to ken"], "expected a path without spaces"],
    ["a token file with a line break", ["print", EXEC, "--token-file=/a\nUser=root"], "expected a path without"],
    ["a database folder with quotes", ["print", EXEC, '--db=/srv/"x"/p.db'], "expected a path without"],
    ["an unknown flag", ["print", EXEC, "--sandbx"], "--sandbox"],
    ["a flag of a worker without --worker", ["print", EXEC, "--label=gpu"], "--label needs --worker"],
    [
      "a flag of the scheduler with --worker",
      ["print", EXEC, "--worker", "-j", "2"],
      "--max-jobs does not apply to a worker",
    ],
    ["a folder of jobs with --worker", ["print", EXEC, "/srv/jobs", "--worker"], "a worker has no job files"],
    ["a worker without --nats", ["print", EXEC, "--worker"], "a worker needs --nats"],
  ])("refuses %s", async (_, args, message) => {
    const { status, stdout, stderr } = await petit(["service", ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  test("accepts home folders with --user or --no-sandbox", async () => {
    for (const flag of ["--user", "--no-sandbox"]) expect((await print("/home/me/jobs", flag)).status).toBe(0);
  });
});

/** A temporary home for a user service, and a systemctl that records its arguments. */
const fakeSystemd = () => {
  const folder = tempFolder();
  const calls = join(folder.path, "calls");
  // `show` fails, as if systemd were not running.
  chmodSync(
    folder.write("bin/systemctl", `#!/bin/sh\necho "$*" >> '${calls}'\n[ "$4" != show ] && [ "$3" != show ]\n`),
    0o755,
  );
  const environment = {
    ...cleanEnvironment(folder.path),
    PATH: `${join(folder.path, "bin")}:${cleanEnvironment(folder.path).PATH}`,
  };
  const config = join(folder.path, ".config");
  return {
    path: folder.path,
    environment,
    token: join(config, "credstore/petit-token"),
    unit: join(config, "systemd/user/petit.service"),
    jobs: join(config, "petit/jobs"),
    write: folder.write,
    calls: () => readFileSync(calls, "utf8"),
    service: (action: string, ...args: readonly string[]) =>
      petit(["service", action, "--user", ...(action === "install" ? [EXEC, "--no-start"] : []), ...args], {
        environment,
      }),
    /** Runs a command where other people can log in to the machine, too. */
    shared: (...args: readonly string[]) => petit(args, { environment: { ...environment, TEST_ACCOUNTS: TWO_PEOPLE } }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
};

const TWO_PEOPLE = ["ada", "ben"]
  .map((name, index) => `${name}:x:${1000 + index}:1000::/home/${name}:/bin/sh\n`)
  .join("");

/** A service of root requires a token by default, whoever else can log in. */
const AS_ROOT = process.getuid?.() === 0;

describe("the token of an installed service", () => {
  const INSTALL = ["service", "install", "--user", EXEC, "--no-start"] as const;

  test("is created on a machine with several login accounts, private, and found by commands", async () => {
    using own = fakeSystemd();
    const { status, stdout, stderr } = await own.shared(...INSTALL, "--json");
    expect({ status, data: JSON.parse(stdout) }).toEqual({
      status: 0,
      data: expect.objectContaining({ token_file: own.token }),
    });
    expect(statSync(own.token).mode & 0o777).toBe(0o600);
    expect(lineOf(readFileSync(own.unit, "utf8"), "LoadCredential")).toBe(`LoadCredential=petit-token:${own.token}`);
    expect(stderr).toContain(`Access:    only with the token in ${own.token}`);
    const token = readFileSync(own.token, "utf8");
    expect(stdout + stderr).not.toContain(token.trim());
    expect((await own.shared("token", "--print")).stdout).toBe(token);
    await using running = await startPetit({ env: { PETIT_API_TOKEN: token.trim() } });
    expect((await running.fetch("/api/jobs")).status).toBe(401);
    expect((await own.shared("list", "--url", running.url)).status).toBe(0);
  });

  test("is not created where one person can log in, and the installation says who can reach petit", async () => {
    if (AS_ROOT) return;
    using own = fakeSystemd();
    const { stderr } = await own.service("install");
    expect(stderr).toContain("Access:    every user of this machine controls petit, without a token");
    expect(existsSync(own.token)).toBe(false);
  });

  test("is what --token and --no-token say", async () => {
    using own = fakeSystemd();
    const without = await own.shared(...INSTALL, "--no-token");
    expect(without.stderr).toContain("install --user --token' changes that");
    expect(existsSync(own.token)).toBe(false);
    expect(readFileSync(own.unit, "utf8")).not.toContain("LoadCredential=petit-token");
    expect((await own.service("install", "--token")).stdout).toContain(`created ${own.token} with a token`);
    expect(readFileSync(own.unit, "utf8")).toContain(`LoadCredential=petit-token:${own.token}\n`);
  });

  test("stays what it was when petit is installed again, with a warning if there is none", async () => {
    using own = fakeSystemd();
    await own.service("install", "--no-token");
    const { stderr } = await own.shared(...INSTALL, "--max-jobs=3");
    expect(stderr).toContain("warning: the installed service has no token, and stays so");
    expect(existsSync(own.token)).toBe(false);
    await own.service("install", "--token");
    const token = readFileSync(own.token, "utf8");
    const again = await own.shared(...INSTALL, "--max-jobs=4");
    expect(again.stderr).not.toContain("warning");
    expect(readFileSync(own.token, "utf8")).toBe(token);
    expect(readFileSync(own.unit, "utf8")).toContain(`LoadCredential=petit-token:${own.token}\n`);
    const elsewhere = own.write("my.token", "the-token-of-the-user");
    await own.service("install", `--token-file=${elsewhere}`);
    await own.service("install");
    expect(readFileSync(own.unit, "utf8")).toContain(`LoadCredential=petit-token:${elsewhere}\n`);
  });

  test("is required for an address that other machines reach", async () => {
    using own = fakeSystemd();
    for (const args of [
      ["--api-host=0.0.0.0", "--no-token"],
      ["--api-host=192.0.2.1", "--no-token"],
    ]) {
      const { status, stderr } = await own.service("install", ...args);
      expect({ status, stderr }).toEqual({
        status: 2,
        stderr: expect.stringContaining("lets other machines reach the API, but the service has no token"),
      });
      expect(existsSync(own.unit)).toBe(false);
    }
    expect((await own.service("install", "--api-host=0.0.0.0", "--token")).status).toBe(0);
    expect((await own.service("install", "--api-host=127.0.0.2", "--no-token")).status).toBe(0);
  });

  test("is the one in the environment file of the service, if it has one", async () => {
    using own = fakeSystemd();
    own.write(".config/petit/environment", "PETIT_API_TOKEN=a-token-from-elsewhere\n");
    const { status, stdout } = await own.shared(...INSTALL, "--api-host=0.0.0.0");
    expect({ status, isCreated: stdout.includes("petit-token") }).toEqual({ status: 0, isCreated: false });
  });

  test.each([
    ["--token with --worker", ["--worker", "--token"], "a worker has no API; leave --token out"],
    ["--group with --no-token", ["--no-token", "--group=root"], "--no-token and --group exclude each other"],
    ["--group with --user", ["--group=root"], "--group is only for a system service"],
  ])("refuses %s", async (_, args, message) => {
    using own = fakeSystemd();
    const { status, stderr } = await own.service("install", ...args);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(message) });
  });
});

describe("petit service install", () => {
  test("writes the unit, creates the folders it needs, and lists the next steps", async () => {
    using own = fakeSystemd();
    const { status, stdout, stderr } = await own.service("install", "--api-port=9000");
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `created ${own.jobs}\n${AS_ROOT ? `created ${own.token} with a token, which only you can read\n` : ""}wrote ${own.unit}\nenabled petit: it starts when you log in\n`,
    });
    expect(readFileSync(own.unit, "utf8")).toBe(
      (
        await petit([
          ...["service", "print", EXEC, "--user", "--api-port=9000"],
          ...(AS_ROOT ? [`--token-file=${own.token}`] : []),
        ])
      ).stdout,
    );
    expect(existsSync(own.jobs)).toBe(true);
    expect(own.calls()).toContain("--user --no-pager enable --quiet petit.service\n");
    for (const next of [`petit init ${own.jobs}`, "systemctl --user start petit", "loginctl enable-linger"]) {
      expect(stderr).toContain(`  ${next} `);
    }
    expect(stderr).toContain("  curl http://127.0.0.1:9000/api/health ");
  });

  test("changes nothing if it is repeated", async () => {
    using own = fakeSystemd();
    await own.service("install");
    const before = readFileSync(own.unit, "utf8");
    const { status, stdout } = await own.service("install");
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `${own.unit} is up to date\nenabled petit: it starts when you log in\n`,
    });
    expect(readFileSync(own.unit, "utf8")).toBe(before);
  });

  test("updates a unit that petit wrote", async () => {
    using own = fakeSystemd();
    await own.service("install");
    expect((await own.service("install", "--max-jobs=3")).stdout).toContain(`updated ${own.unit}\n`);
    expect(readFileSync(own.unit, "utf8")).toContain(" --max-jobs=3\n");
  });

  test.each([
    ["was edited", (text: string) => text.replace("RestartSec=1", "RestartSec=5")],
    ["petit did not write", () => "[Service]\nExecStart=/opt/petit\n"],
    ["is empty", () => ""],
  ])("keeps a unit that %s, unless --force is given", async (_, edit) => {
    using own = fakeSystemd();
    await own.service("install");
    const edited = edit(readFileSync(own.unit, "utf8"));
    own.write(".config/systemd/user/petit.service", edited);
    for (const action of ["install", "uninstall"]) {
      const { status, stdout, stderr } = await own.service(action);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toContain(
        "was edited or was not written by petit, so it was not changed. Move the edits to a drop-in",
      );
      expect(readFileSync(own.unit, "utf8")).toBe(edited);
    }
    expect((await own.service("install", "--force")).status).toBe(0);
    expect(readFileSync(own.unit, "utf8")).not.toBe(edited);
  });

  test("replaces the link of a masked unit with --force, and not the target of the link", async () => {
    using own = fakeSystemd();
    const elsewhere = own.write(".config/systemd/user/other", "");
    symlinkSync(elsewhere, own.unit);
    expect((await own.service("install")).status).toBe(1);
    expect((await own.service("install", "--force")).status).toBe(0);
    expect(readFileSync(elsewhere, "utf8")).toBe("");
    expect(lstatSync(own.unit).isFile()).toBe(true);
  });

  test("fails without a change if there is no systemd", async () => {
    using own = fakeSystemd();
    const { status, stderr } = await petit(["service", "install", "--user", EXEC], {
      environment: { ...cleanEnvironment(dirname(dirname(dirname(dirname(own.unit))))), PATH: "/nowhere" },
    });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining("this machine has no systemd"),
    });
    expect(existsSync(own.jobs)).toBe(false);
  });

  test("fails without a change if systemd is not running", async () => {
    using own = fakeSystemd();
    const { status, stderr } = await own.service("install", "--start");
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining("--no-start installs the service"),
    });
    expect(existsSync(own.jobs)).toBe(false);
  });
});

describe("petit service uninstall", () => {
  test("removes only the unit", async () => {
    using own = fakeSystemd();
    await own.service("install", "--max-jobs=3");
    const job = own.write(".config/petit/jobs/a.yaml", "id: a\n");
    const dropIn = own.write(".config/systemd/user/petit.service.d/mine.conf", "[Service]\nNice=5\n");
    const { status, stdout, stderr } = await own.service("uninstall");
    expect({ status, stdout }).toEqual({ status: 0, stdout: `removed ${own.unit}\n` });
    expect(existsSync(own.unit)).toBe(false);
    expect([job, dropIn].map(existsSync)).toEqual([true, true]);
    expect(own.calls()).toContain("--user --no-pager disable --quiet petit.service\n");
    for (const kept of ["the database in", "--max-jobs=3", `the drop-ins in ${dirname(dropIn)}`]) {
      expect(stderr).toContain(kept);
    }
  });

  test("fails if no service is installed", async () => {
    using own = fakeSystemd();
    const { status, stderr } = await own.service("uninstall");
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("no service is installed") });
  });
});
