import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { translateCrontab } from "../../../../src/cli/import/crontab/translate.ts";
import { cleanEnvironment, PETIT, petit, tempFolder } from "../../../support/cli.ts";

const CRONTAB = `# Nightly work
MAILTO=ops@example.com
30 2 * * * /opt/backup.sh --all
@reboot /opt/tunnel
*/20 1 * * * echo hi%there
`;

/** Runs petit with a text as its standard input. */
const petitWithInput = (args: readonly string[], input: string) => {
  using folder = tempFolder();
  const [program = "", ...before] = PETIT;
  const options = { cwd: folder.path, env: cleanEnvironment(folder.path), input, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(program, [...before, ...args], options);
  return { status, stdout, stderr };
};

describe("petit import crontab", () => {
  test("writes job files to stdout and says on stderr what became of each line", async () => {
    using folder = tempFolder();
    folder.write("mycron", CRONTAB);
    const { status, stdout, stderr } = await petit(["import", "crontab", "mycron"], { cwd: folder.path });
    expect(status).toBe(0);
    expect(stdout).toStartWith("# Nightly work\n#\n# From mycron, line 3:\n#   30 2 * * * /opt/backup.sh --all\n");
    expect(stdout).toContain('\nid: tunnel\nschedule: "@reboot"\n');
    expect(stderr.split("\n")).toEqual([
      expect.stringMatching(/^mycron:2: MAILTO: petit sends no mail to 'ops@example.com'/),
      "mycron:3 → backup",
      "mycron:4 → tunnel",
      "mycron:5 → echo-hi",
      "3 jobs",
      "",
    ]);
    folder.write("jobs/imported.yaml", stdout);
    expect(await petit(["validate", "jobs"], { cwd: folder.path })).toMatchObject({
      status: 0,
      stdout: "valid: 3 jobs, 3 tasks in jobs\n",
    });
  });

  test.each([["-"], []])("reads standard input for %j", (...source) => {
    const { status, stdout, stderr } = petitWithInput(["import", "crontab", ...source.flat()], CRONTAB);
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining("stdin:3 → backup\n") });
    expect(stdout).toContain("# From stdin, line 3:\n");
  });

  test("writes a file for each job to the folder of -o, which petit validates and lists", async () => {
    using folder = tempFolder();
    folder.write("mycron", CRONTAB);
    const imported = await petit(["import", "crontab", "mycron", "-o", "new/jobs"], { cwd: folder.path });
    expect(imported).toMatchObject({
      status: 0,
      stdout: "wrote new/jobs/backup.yaml\nwrote new/jobs/tunnel.yaml\nwrote new/jobs/echo-hi.yaml\n",
    });
    expect(readdirSync(join(folder.path, "new/jobs")).sort()).toEqual(["backup.yaml", "echo-hi.yaml", "tunnel.yaml"]);
    expect((await petit(["validate", "new/jobs"], { cwd: folder.path })).status).toBe(0);
  });

  test("says the same as JSON", async () => {
    using folder = tempFolder();
    folder.write("mycron", CRONTAB);
    const { stdout, stderr } = await petit(["import", "crontab", "mycron", "-o", "jobs", "--json"], {
      cwd: folder.path,
    });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({
      valid: true,
      files: [
        { path: "backup.yaml", text: expect.stringContaining("id: backup\n") },
        { path: "tunnel.yaml" },
        { path: "echo-hi.yaml" },
      ],
      written: [
        { file: "jobs/backup.yaml", replaced: false },
        { file: "jobs/tunnel.yaml", replaced: false },
        { file: "jobs/echo-hi.yaml", replaced: false },
      ],
      lines: [
        { file: "mycron", line: 2, outcome: "setting", job_id: null },
        { line: 3, outcome: "job", job_id: "backup", notes: [] },
        { line: 4, outcome: "job", job_id: "tunnel" },
        { line: 5, outcome: "job", job_id: "echo-hi" },
      ],
      problems: [],
    });
  });

  test("reports all lines that can't be read, and writes nothing", async () => {
    using folder = tempFolder();
    folder.write("mycron", `${CRONTAB}61 * * * * a\n* * * * *\nCRON_TZ=Mars\n`);
    const args = ["import", "crontab", "mycron", "-o", "jobs"];
    const { status, stdout, stderr } = await petit(args, { cwd: folder.path });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr.split("\n")).toEqual([
      "mycron:6: '61' is out of range in the minute field; expected 0 to 59",
      "mycron:7: the command is missing",
      expect.stringMatching(/^mycron:8: CRON_TZ is 'Mars'; expected an IANA name/),
      "3 problems: nothing was written",
      "",
    ]);
    expect(existsSync(join(folder.path, "jobs"))).toBe(false);
    const json = JSON.parse((await petit([...args, "--json"], { cwd: folder.path })).stdout);
    expect(json).toMatchObject({ valid: false, files: [], written: null });
    expect(json.problems).toHaveLength(3);
  });

  test("overwrites no file without --force, and takes no id that is in use", async () => {
    using folder = tempFolder();
    folder.write("mycron", CRONTAB);
    folder.write("jobs/echo-hi.yaml", "mine\n");
    const args = ["import", "crontab", "mycron", "-o", "jobs"];
    const refused = await petit(args, { cwd: folder.path });
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toContain("already there: jobs/echo-hi.yaml; nothing was written");
    expect(readdirSync(join(folder.path, "jobs"))).toEqual(["echo-hi.yaml"]);
    expect(readFileSync(join(folder.path, "jobs/echo-hi.yaml"), "utf8")).toBe("mine\n");

    const forced = await petit([...args, "--force"], { cwd: folder.path });
    expect(forced).toMatchObject({
      status: 0,
      stdout: "wrote jobs/backup.yaml\nwrote jobs/tunnel.yaml\nreplaced jobs/echo-hi.yaml\n",
    });

    folder.write("other/mine.yml", "id: backup\ntasks: [{id: t, type: shell, script: 'true'}]\n");
    const clash = await petit(["import", "crontab", "mycron", "-o", "other"], { cwd: folder.path });
    expect(clash).toMatchObject({ status: 1, stdout: "" });
    expect(clash.stderr).toContain("other/mine.yml:1: has a job 'backup'");
    expect(readdirSync(join(folder.path, "other"))).toEqual(["mine.yml"]);
  });

  test("fails if there is no job, no file, or no text", async () => {
    using folder = tempFolder();
    folder.write("empty", "# nothing\n");
    folder.write("binary", "\0");
    const run = async (source: string) => {
      const { status, stdout, stderr } = await petit(["import", "crontab", source], { cwd: folder.path });
      expect(stdout).toBe("");
      return { status, stderr };
    };
    expect(await run("empty")).toEqual({
      status: 1,
      stderr: "petit: empty has nothing to import; nothing was written\n",
    });
    expect(await run("binary")).toEqual({
      status: 1,
      stderr: expect.stringContaining("binary contains a NUL character"),
    });
    expect(await run("missing")).toEqual({ status: 2, stderr: expect.stringContaining("there is no file missing") });
  });

  test("reads the user column with --system, and imports a folder as cron reads /etc/cron.d", async () => {
    using folder = tempFolder();
    folder.write("cron.d/a", "0 1 * * * root /bin/a\n0 2 * * * nosuchuser9 /bin/b\n");
    folder.write("cron.d/b", "SHELL=/bin/bash\n@daily root /bin/a\n");
    folder.write("cron.d/c.dpkg-old", "@daily root /bin/c\n");
    folder.write("cron.d/.placeholder", "x\n");
    const { status, stdout, stderr } = await petit(["import", "crontab", "cron.d"], { cwd: folder.path });
    expect(status).toBe(0);
    expect(stderr.split("\n")).toEqual([
      expect.stringMatching(/^cron.d\/a:1 → a-[0-9a-f]{6}$/),
      expect.stringMatching(/^cron.d\/a:2: left out: this machine has no user nosuchuser9/),
      "cron.d/b:1: SHELL: /bin/bash runs the commands below",
      expect.stringMatching(/^cron.d\/b:2 → a-[0-9a-f]{6}$/),
      expect.stringMatching(/^cron.d\/c.dpkg-old:1: left out: Debian's cron ignores/),
      "2 jobs, 2 left out",
      "",
    ]);
    expect(stdout).toContain("LOGNAME: root\n");
    const single = await petit(["import", "crontab", "cron.d/a"], { cwd: folder.path });
    expect(single.stderr).toContain("run commands that are the names of users, such as 'root'");
    expect(single.stderr).toContain(
      "expected --system for a user column, or --no-system if there is none; nothing was written",
    );
    const asked = await petit(["import", "crontab", "cron.d/a", "--no-system"], { cwd: folder.path });
    expect(asked.stderr).toContain("begins with 'root'; if that is a user column, give --system");
    const system = await petit(["import", "crontab", "cron.d/a", "--system", "--as", "nobody"], { cwd: folder.path });
    expect(system.stderr).toContain("cron.d/a:1: left out: it runs as root, but petit as nobody");
  });

  test("reads a crontab of 5,000 lines in a time that grows with their number", () => {
    const translateLines = (count: number): number => {
      const lines = Array.from(
        { length: count },
        (_, index) => `0 1 * * * /opt/job${index % 700}.sh --part ${index}\n`,
      );
      const crontab = { file: "mycron", text: lines.join(""), system: false };
      const start = performance.now();
      const { files } = translateCrontab(crontab, { as: "root", homeOf: () => "/root", ids: new Set<string>() });
      expect(new Set(files.map(({ path }) => path)).size).toBe(count);
      return performance.now() - start;
    };
    translateLines(500);
    // Ten times as many lines; a hundred times as long if each line were compared with each other one.
    expect(translateLines(5_000)).toBeLessThan(40 * translateLines(500));
  });

  test("refuses a user that this machine does not know", async () => {
    const { status, stderr } = await petit(["import", "crontab", "x", "--as", "nosuchuser9"]);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining("--as is 'nosuchuser9'") });
  });
});

describe("an imported job", () => {
  test("is due at cron's times when clocks change", async () => {
    using folder = tempFolder();
    folder.write("mycron", "30 2 * * * fixed\n30 */2 8 3 * stepped\n");
    await petit(["import", "crontab", "mycron", "-o", "jobs"], { cwd: folder.path });
    const args = ["next", "jobs", "--json", "-n", "5", "--from", "2026-03-08", "--timezone", "America/New_York"];
    const { occurrences } = JSON.parse((await petit(args, { cwd: folder.path })).stdout);
    expect(occurrences.map(({ job_id, local }: { job_id: string; local: string }) => `${local} ${job_id}`)).toEqual([
      "2026-03-08T00:30:00-05:00 stepped",
      "2026-03-08T03:00:00-04:00 fixed",
      "2026-03-08T04:30:00-04:00 stepped",
      "2026-03-08T06:30:00-04:00 stepped",
      "2026-03-08T08:30:00-04:00 stepped",
    ]);
  });

  /** Imports a crontab and runs its only job. */
  const run = async (text: string, ...flags: string[]) => {
    using folder = tempFolder();
    folder.write("mycron", text.replaceAll("FOLDER", folder.path));
    const imported = await petit(["import", "crontab", "mycron", "-o", "jobs", ...flags], { cwd: folder.path });
    const id = /→ (\S+?):?[\s]/.exec(imported.stderr)?.[1] ?? "";
    const ran = await petit(["trigger", "jobs", id, "--db", "petit.db"], {
      cwd: folder.path,
      environment: { LEAKED: "yes" },
    });
    return { status: ran.status, stdout: ran.stdout.replaceAll(folder.path, "FOLDER") };
  };

  test("runs by the shell with -c, not -e, with input, in HOME, and in cron's environment", async () => {
    const line =
      "false; cat; pwd; echo $0 $-; env | grep -v -e ^PETIT_ -e ^_= -e ^SHLVL= -e ^PWD= -e ^OLDPWD= | sort%one%two";
    const { status, stdout } = await run(`SHELL=/bin/bash\nHOME=FOLDER\nMAILTO=\nA="\${{ b }} "\n* * * * * ${line}\n`);
    const { username } = passwd();
    expect({ status, lines: stdout.split("\n") }).toEqual({
      status: 0,
      lines: [
        "one",
        "two",
        "FOLDER",
        "/bin/bash hBc",
        "A=${{ b }} ",
        "HOME=FOLDER",
        `LOGNAME=${username}`,
        "MAILTO=",
        "PATH=/usr/bin:/bin:/usr/sbin:/sbin",
        "SHELL=/bin/bash",
        `USER=${username}`,
        "",
      ],
    });
  });

  test.if(process.geteuid?.() === 0 && existsSync("/usr/sbin/runuser"))("runs as another user by runuser", async () => {
    const line = '0 0 * * * nobody echo "$(id -un) $HOME $(pwd) $1"';
    const { status, stdout } = await run(`HOME=/tmp\n${line}\n`, "--system");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "nobody /tmp /tmp \n" });
  });

  test("with -s has one run at a time", async () => {
    const { stdout } = petitWithInput(["import", "crontab", "-"], "* * * * * -s x\n");
    expect(stdout).toContain("\nmax_concurrency: 1\n");
  });
});

/** Returns the user of this process, by the password file: the environment may lack USER. */
const passwd = (): { readonly username: string } => {
  const entry = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((line) => line.split(":")[2] === String(process.geteuid?.()));
  return { username: entry?.split(":")[0] ?? userInfo().username };
};
