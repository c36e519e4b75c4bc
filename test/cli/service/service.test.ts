import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, lstatSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { cleanEnvironment, PETIT, petit, tempFolder } from "../../support/cli.ts";

/** Some executable that a system service can see. */
const EXEC = "--exec=/bin/sh";

const print = (...args: readonly string[]) => petit(["service", "print", EXEC, ...args]);

const lineOf = (unit: string, directive: string): string | undefined =>
  unit.split("\n").find((line) => line.startsWith(`${directive}=`));

describe("petit service print", () => {
  test("prints the unit, and touches nothing", async () => {
    const { status, stdout, stderr } = await print();
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(lineOf(stdout, "ExecStart")).toBe(
      "ExecStart=/bin/sh run %E/petit/jobs --db %S/petit/petit.db --on-shutdown=leave",
    );
    expect(lineOf(stdout, "User")).toBe("User=petit");
    expect(JSON.parse((await print("--json")).stdout)).toEqual({ unit: stdout });
  });

  test("hands the flags of 'petit run' on, with nothing in them that systemd would take for its own", async () => {
    const flags = ["-j", "8", "--no-watch", "--timezone=Europe/Paris", "--allowed-host=a", "--allowed-host", "b"];
    const { stdout } = await print("/srv/100%/$HOME", "--db=/srv/a b/p.db", ...flags, "--log-level=debug");
    expect(lineOf(stdout, "ExecStart")).toBe(
      `ExecStart=/bin/sh run "/srv/100%%/$$HOME" --db "/srv/a b/p.db" --on-shutdown=leave --allowed-host=a --allowed-host=b --max-jobs=8 --timezone=Europe/Paris --no-watch --log-level=debug`,
    );
    expect(stdout).toContain('\nReadWritePaths="/srv/a b"\n');
  });

  test("hands on nothing that was said otherwise than by a flag", async () => {
    const { stdout } = await petit(["service", "print", EXEC], { environment: { PETIT_API_PORT: "9000" } });
    expect(stdout).toBe((await print()).stdout);
  });

  test("names the configuration file, which a system service has to see", async () => {
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

  test("of a user names nobody, and no sandbox", async () => {
    const { stdout } = await print("--user");
    expect(lineOf(stdout, "User")).toBeUndefined();
    expect(lineOf(stdout, "ProtectSystem")).toBeUndefined();
    expect(lineOf(stdout, "WantedBy")).toBe("WantedBy=default.target");
  });

  test("has systemd wait for what the shutdown may take", async () => {
    expect(lineOf((await print()).stdout, "TimeoutStopSec")).toBe("TimeoutStopSec=60");
    const { stdout } = await print("--on-shutdown=drain", "--shutdown-timeout=5m", "--kill-grace=1m");
    expect(lineOf(stdout, "TimeoutStopSec")).toBe("TimeoutStopSec=380");
    expect(lineOf(stdout, "ExecStart")).toEndWith("--on-shutdown=drain --shutdown-timeout=5m --kill-grace=1m");
  });

  test("makes paths whole, from the folder that it is called in", async () => {
    using folder = tempFolder();
    const args = ["service", "print", EXEC, "--no-sandbox", "jobs", "--db", "p.db", "--token-file", "token"];
    const { stdout } = await petit(args, { cwd: folder.path });
    expect(lineOf(stdout, "ExecStart")).toStartWith(
      `ExecStart=/bin/sh run ${folder.path}/jobs --db ${folder.path}/p.db`,
    );
    expect(lineOf(stdout, "LoadCredential")).toBe(`LoadCredential=petit-token:${folder.path}/token`);
  });

  test.skipIf(PETIT.length === 1)("from source asks for the executable", async () => {
    const { status, stderr } = await petit(["service", "print"]);
    expect(status).toBe(2);
    expect(stderr).toContain("'scripts/build' makes dist/petit; run that, or name it with --exec FILE");
  });
});

describe("petit service", () => {
  test.each<readonly [string, readonly string[], string]>([
    ["an action that there is not", ["instal"], "unknown action 'instal' of petit service; did you mean 'install'?"],
    ["no action", [], "ACTION"],
    ["another kind of word", ["status"], "expected print, install, uninstall"],
    ["--as with --user", ["print", EXEC, "--user", "--as=me"], "--as is for a system service"],
    ["no user's name", ["print", EXEC, "--as=a b"], "--as is 'a b'; expected the name of a user"],
    ["no executable", ["print", "--exec=/etc/passwd"], "'/etc/passwd', which is no executable file"],
    ["both ways to start", ["install", EXEC, "--now", "--no-start"], "--now and --no-start exclude each other"],
    ["a folder to uninstall", ["uninstall", "/srv/jobs"], "unexpected argument '/srv/jobs'"],
    ["jobs in a home folder", ["print", EXEC, "/home/me/jobs"], "does not see /home/me/jobs"],
    ["a database in one", ["print", EXEC, "--db=/root/p.db"], "does not see /root/p.db"],
    ["a token's file with a blank", ["print", EXEC, "--token-file=/srv/to ken"], "expected a path without blanks"],
    ["a token's file that can't be named", ["print", EXEC, "--token-file=/a\nUser=root"], "expected a path without"],
    ["a database's folder that can't be", ["print", EXEC, '--db=/srv/"x"/p.db'], "expected a path without"],
    ["a flag that there is not", ["print", EXEC, "--sandbx"], "--sandbox"],
  ])("refuses %s", async (_, args, message) => {
    const { status, stdout, stderr } = await petit(["service", ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  test("sees home folders where it is a user's own, or has no sandbox", async () => {
    for (const flag of ["--user", "--no-sandbox"]) expect((await print("/home/me/jobs", flag)).status).toBe(0);
  });
});

/** Folders in which a service of one's own can be put, and a systemctl that notes what it is asked. */
const ownSystemd = () => {
  const folder = tempFolder();
  const asked = join(folder.path, "asked");
  // Nobody answers `show`: this systemd doesn't run.
  chmodSync(
    folder.write("bin/systemctl", `#!/bin/sh\necho "$*" >> '${asked}'\n[ "$4" != show ] && [ "$3" != show ]\n`),
    0o755,
  );
  const environment = { ...cleanEnvironment(folder.path), PATH: `${join(folder.path, "bin")}:${process.env.PATH}` };
  const config = join(folder.path, ".config");
  return {
    unit: join(config, "systemd/user/petit.service"),
    jobs: join(config, "petit/jobs"),
    write: folder.write,
    asked: () => readFileSync(asked, "utf8"),
    service: (action: string, ...args: readonly string[]) =>
      petit(["service", action, "--user", ...(action === "install" ? [EXEC, "--no-start"] : []), ...args], {
        environment,
      }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
};

describe("petit service install", () => {
  test("puts the unit in place, makes what it needs, and says what comes next", async () => {
    using own = ownSystemd();
    const { status, stdout, stderr } = await own.service("install", "--api-port=9000");
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `made ${own.jobs}\nwrote ${own.unit}\nenabled it: it starts when you log in\n`,
    });
    expect(readFileSync(own.unit, "utf8")).toBe(
      (await petit(["service", "print", EXEC, "--user", "--api-port=9000"])).stdout,
    );
    expect(existsSync(own.jobs)).toBe(true);
    expect(own.asked()).toContain("--user --no-pager enable --quiet petit.service\n");
    for (const next of [`petit init ${own.jobs}`, "systemctl --user start petit", "loginctl enable-linger"]) {
      expect(stderr).toContain(`  ${next} `);
    }
    expect(stderr).toContain("  curl http://127.0.0.1:9000/api/health ");
  });

  test("done again changes nothing", async () => {
    using own = ownSystemd();
    await own.service("install");
    const before = readFileSync(own.unit, "utf8");
    const { status, stdout } = await own.service("install");
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `${own.unit} is as it should be\nenabled it: it starts when you log in\n`,
    });
    expect(readFileSync(own.unit, "utf8")).toBe(before);
  });

  test("writes a unit of petit's own anew", async () => {
    using own = ownSystemd();
    await own.service("install");
    expect((await own.service("install", "--max-jobs=3")).stdout).toContain(`wrote ${own.unit} anew\n`);
    expect(readFileSync(own.unit, "utf8")).toContain(" --max-jobs=3\n");
  });

  test.each([
    ["was edited", (text: string) => text.replace("RestartSec=1", "RestartSec=5")],
    ["is somebody else's", () => "[Service]\nExecStart=/opt/petit\n"],
    ["is empty", () => ""],
  ])("leaves one alone that %s, unless it is forced", async (_, edit) => {
    using own = ownSystemd();
    await own.service("install");
    const edited = edit(readFileSync(own.unit, "utf8"));
    own.write(".config/systemd/user/petit.service", edited);
    for (const action of ["install", "uninstall"]) {
      const { status, stdout, stderr } = await own.service(action);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toContain(
        "was edited, or is not petit's; it was left as it is. Move what was changed into a drop-in",
      );
      expect(readFileSync(own.unit, "utf8")).toBe(edited);
    }
    expect((await own.service("install", "--force")).status).toBe(0);
    expect(readFileSync(own.unit, "utf8")).not.toBe(edited);
  });

  test("forced puts a masked unit back, and not into what its link leads to", async () => {
    using own = ownSystemd();
    const elsewhere = own.write(".config/systemd/user/other", "");
    symlinkSync(elsewhere, own.unit);
    expect((await own.service("install")).status).toBe(1);
    expect((await own.service("install", "--force")).status).toBe(0);
    expect(readFileSync(elsewhere, "utf8")).toBe("");
    expect(lstatSync(own.unit).isFile()).toBe(true);
  });

  test("says so where there is no systemd, and does nothing", async () => {
    using own = ownSystemd();
    const { status, stderr } = await petit(["service", "install", "--user", EXEC], {
      environment: { ...cleanEnvironment(dirname(dirname(dirname(dirname(own.unit))))), PATH: "/nowhere" },
    });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining("there is no systemd on this machine"),
    });
    expect(existsSync(own.jobs)).toBe(false);
  });

  test("says so where systemd can't be asked, and does nothing", async () => {
    using own = ownSystemd();
    const { status, stderr } = await own.service("install", "--start");
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining("--no-start puts the service in place"),
    });
    expect(existsSync(own.jobs)).toBe(false);
  });
});

describe("petit service uninstall", () => {
  test("removes the unit, and nothing else", async () => {
    using own = ownSystemd();
    await own.service("install", "--max-jobs=3");
    const job = own.write(".config/petit/jobs/a.yaml", "id: a\n");
    const dropIn = own.write(".config/systemd/user/petit.service.d/mine.conf", "[Service]\nNice=5\n");
    const { status, stdout, stderr } = await own.service("uninstall");
    expect({ status, stdout }).toEqual({ status: 0, stdout: `removed ${own.unit}\n` });
    expect(existsSync(own.unit)).toBe(false);
    expect([job, dropIn].map(existsSync)).toEqual([true, true]);
    expect(own.asked()).toContain("--user --no-pager disable --quiet petit.service\n");
    for (const left of ["the database in", "--max-jobs=3", `Its drop-ins are in ${dirname(dropIn)}`]) {
      expect(stderr).toContain(left);
    }
  });

  test("says so where nothing is installed", async () => {
    using own = ownSystemd();
    const { status, stderr } = await own.service("uninstall");
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("nothing is installed") });
  });
});
