import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { petit, type TempFolder, tempFolder } from "../../../support/cli.ts";

const link = (folder: TempFolder, target: string, name: string): void => {
  mkdirSync(join(folder.path, name, ".."), { recursive: true });
  symlinkSync(target, join(folder.path, name));
};

const importUnits = ({ path }: TempFolder, ...sources: readonly string[]) =>
  petit(["import", "systemd", ...(sources.length === 0 ? ["units"] : sources)], { cwd: path });

describe("an alias of a timer", () => {
  test("is no second job, and its timer starts the service of its own name", async () => {
    using folder = tempFolder();
    folder.write("units/real.timer", "[Timer]\nOnCalendar=daily\n[Install]\nAlias=alias.timer\n");
    folder.write("units/real.service", "[Service]\nExecStart=/bin/echo %n\n");
    folder.write("units/alias.service", "[Service]\nExecStart=/bin/false\n");
    link(folder, "real.timer", "units/alias.timer");
    const { status, stdout, stderr } = await importUnits(folder);
    expect({ status, jobs: stdout.match(/^id: .*$/gm) }).toEqual({ status: 0, jobs: ["id: real"] });
    expect(stdout).toContain("real.service");
    expect(stderr).toBe("units/alias.timer:1: it is another name of real.timer\nunits/real.timer:1 → real\n1 job\n");
  });

  test("that is named becomes the job of its timer", async () => {
    using folder = tempFolder();
    folder.write("units/real.timer", "[Timer]\nOnCalendar=daily\nUnit=second.service\n");
    folder.write("units/first.service", "[Service]\nExecStart=/bin/echo %n\n");
    link(folder, "real.timer", "units/alias.timer");
    link(folder, "first.service", "units/second.service");
    const { stdout, stderr } = await importUnits(folder, "units/alias.timer");
    expect(stdout.match(/^id: .*$/gm)).toEqual(["id: real"]);
    expect(stdout).toContain("- first.service\n");
    expect(stderr).toContain("units/real.timer:1 → real\n");
  });

  test("keeps its name if the file is in another folder, or if it is an instance", async () => {
    using folder = tempFolder();
    folder.write("dotfiles/some.timer", "[Timer]\nOnCalendar=daily\n");
    folder.write("units/mine.service", "[Service]\nExecStart=/bin/echo %n\n");
    folder.write("units/t@.timer", "[Timer]\nOnCalendar=daily\n");
    folder.write("units/t@.service", "[Service]\nExecStart=/bin/echo %n\n");
    link(folder, "../dotfiles/some.timer", "units/mine.timer");
    link(folder, "t@.timer", "units/t@a.timer");
    link(folder, "../t@.timer", "units/timers.target.wants/t@b.timer");
    const { stdout } = await importUnits(folder);
    expect(stdout.match(/^id: .*$/gm)).toEqual(["id: mine", "id: t-a", "id: t-b"]);
  });
});

describe("an instance of a template", () => {
  test("has the user, the group and the folder that its specifiers say", async () => {
    using folder = tempFolder();
    folder.write("units/t@.timer", "[Timer]\nOnCalendar=daily\n");
    folder.write(
      "units/t@.service",
      "[Service]\nUser=%i\nGroup=%i\nWorkingDirectory=/srv/%p/%i\nExecStart=/bin/echo %u %h\n",
    );
    link(folder, "../t@.timer", "units/timers.target.wants/t@nobody.timer");
    const { stdout, stderr } = await importUnits(folder);
    expect(stdout).toContain("run_as: nobody\n");
    expect(stdout).toContain("working_dir: /srv/t/nobody\n");
    expect(stderr).toContain("User=%i: petit has to run as root, with run_as_allowed: [nobody] in its configuration\n");
    expect(stderr).not.toContain("Group=");
  });

  test("names a group that is not that of its user", async () => {
    using folder = tempFolder();
    folder.write("units/t@.timer", "[Timer]\nOnCalendar=daily\n");
    folder.write("units/t@.service", "[Service]\nUser=%i\nGroup=%p\nExecStart=/bin/true\n");
    link(folder, "../t@.timer", "units/timers.target.wants/t@nobody.timer");
    const { stderr } = await importUnits(folder);
    expect(stderr).toContain("left out: Group=%p: a task has the primary group of its user\n");
  });
});

describe("TimeoutStopSec=", () => {
  const cases = [
    ["TimeoutStopSec=90", "kill_grace: 1m30s\n", null],
    ["TimeoutSec=2min", "kill_grace: 2m\n", null],
    ["TimeoutStopSec=infinity", null, "petit sends SIGKILL after kill_grace, 10 s by default"],
    ["TimeoutStopSec=0", null, "petit sends SIGKILL after kill_grace, 10 s by default"],
    ["TimeoutStopSec=soon", null, "it is not a time span; expected one such as 15min"],
  ] as const;
  test.each(cases)("%s becomes kill_grace, or is named", async (line, field, reason) => {
    using folder = tempFolder();
    folder.write("units/a.timer", "[Timer]\nOnCalendar=daily\n");
    folder.write("units/a.service", `[Service]\nExecStart=/bin/true\n${line}\n`);
    const { stdout, stderr } = await importUnits(folder);
    expect(/^kill_grace: .*\n/m.exec(stdout)?.[0] ?? null).toBe(field);
    expect(/left out: (?:.*): (.*)\n/.exec(stderr)?.[1] ?? null).toBe(reason);
  });
});
