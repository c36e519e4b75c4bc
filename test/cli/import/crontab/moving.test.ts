import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { cleanEnvironment, PETIT, petit, tempFolder } from "../../../support/cli.ts";

/** Imports a text as a crontab. Returns what became of it as data. */
const importText = async (text: string, ...flags: string[]) => {
  using folder = tempFolder();
  folder.write("mycron", text);
  const result = await petit(["import", "crontab", "mycron", "--json", ...flags], { cwd: folder.path });
  return { status: result.status, stderr: result.stderr, ...(result.stdout === "" ? {} : JSON.parse(result.stdout)) };
};

describe("a crontab line", () => {
  test("of a user whose home folder does not exist runs in /, and says what cron does", async () => {
    const passwd = readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"));
    const [user, , , , , home] = passwd.find(([, , , , , path = ""]) => path !== "" && !existsSync(path)) ?? [];
    if (user === undefined || home === undefined) return;
    const { files, lines } = await importText(`@daily ${user} id\n`, "--system");
    expect(files[0].text).toContain("\n    working_dir: /\n");
    expect(files[0].text).toContain(`HOME: ${home}\n`);
    expect(lines[0].notes).toContainEqual(
      `the home folder ${home} does not exist; it runs in /, where cronie would not run it and Debian's cron would in /var/spool/cron`,
    );
  });

  test("that continues the one above shows all of its dashes", async () => {
    const { status, problems } = await importText("0 5 * * * foo \\\n  --bar\n");
    expect(status).toBe(1);
    expect(problems[0].message).toStartWith("'--bar' is not understood in the minute field");
    expect(problems[0].message).toContain("does not continue it in cron");
  });

  test("gets a note about a backslash at its end, a cut date format and a guard", async () => {
    const { lines } = await importText(
      '0 5 * * * foo \\\n0 6 * * * tar cf $(date +%F).tar /srv\n0 7 * * * test -x /x && /x\n0 8 * * * mail a%b + c\n0 9 * * * find / -printf "%p"\n0 9 * * * awk \'{printf "\\%d", $1}\'\n0 9 * * * x "a" \'b\'%c\n',
    );
    expect(lines.map(({ notes }: { notes: string[] }) => notes)).toEqual([
      [expect.stringContaining("cron does not join lines")],
      [expect.stringContaining("ends at the % of its date format")],
      [expect.stringContaining("--guards-ok")],
      [],
      [expect.stringContaining("ends at the first % within a quoted text")],
      [],
      [],
    ]);
  });

  test("with a guard skips its task with --guards-ok", async () => {
    const { files } = await importText("0 7 * * * test -x /x && /x\n0 8 * * * a && b\n", "--guards-ok");
    expect(files[0].text).toContain("\n    skip_exit_codes:\n      - 1\n");
    expect(files[1].text).not.toContain("skip_exit_codes");
  });

  test("with a tab is readable for YAML readers that refuse tabs", async () => {
    const { files } = await importText("A=x\ty\n0 7 * * * echo\ta\n");
    expect(files[0].text).toContain('- "echo\\ta"\n');
    expect(files[0].text).toContain('A: "x\\ty"\n');
    for (const line of files[0].text.split("\n")) expect(line.startsWith("#") || !line.includes("\t")).toBe(true);
  });

  test("that can't be read is left out with --skip-invalid, and fails only with --strict", async () => {
    const text = "0 7 * * * a\n61 * * * * b\n";
    expect(await importText(text)).toMatchObject({ status: 1, files: [] });
    const skipped = await importText(text, "--skip-invalid");
    expect(skipped).toMatchObject({
      status: 0,
      files: [{ path: "a.yaml" }],
      lines: [{ outcome: "job" }, { line: 2, outcome: "left_out", notes: [expect.stringContaining("'61' is out of")] }],
      problems: [],
    });
    expect(skipped.files[0].text).toContain("# Not imported: 61 * * * * b\n");
    expect((await importText(text, "--skip-invalid", "--strict")).status).toBe(1);
    expect((await importText("0 7 * * * a\n", "--strict")).status).toBe(0);
  });
});

describe("a crontab", () => {
  test("in which every line begins with a user is refused without --system", async () => {
    const text = "A=b\n0 1 * * * root /bin/a\n@daily nobody /bin/b\n";
    const refused = await importText(text);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("expected --system") });
    expect((await importText(text, "--no-system")).status).toBe(0);
    expect((await importText(text, "--system")).status).toBe(0);
    expect((await importText("0 1 * * * root -x\n0 2 * * * root /bin/a\n")).status).toBe(0);
  });

  test("in which the lines begin with users of this and other machines is refused without --system", async () => {
    for (const text of [
      "0 1 * * * root /bin/a\n0 2 * * * nosuchuser /bin/b\n",
      "0 1 * * * root -n /bin/a\n",
      "0 1 * * * root\tcd / && ./a\n@daily nosuchuser cd /b\n",
    ])
      expect(await importText(text)).toMatchObject({ status: 1, stderr: expect.stringContaining("expected --system") });
    for (const text of [
      "0 1 * * * nosuchuser /bin/a\n",
      "0 1 * * * root /bin/a\n0 2 * * * echo b\n",
      "0 1 * * * root /bin/a\n0 2 * * * /bin/b\n",
    ])
      expect((await importText(text)).status).toBe(0);
  });

  test("that everybody can change is named", async () => {
    using folder = tempFolder();
    chmodSync(folder.write("cron.d/open", "@daily root /bin/a\n"), 0o666);
    chmodSync(folder.write("cron.d/safe", "@daily root /bin/b\n"), 0o644);
    chmodSync(folder.write("cron.d/shared", "@daily root /bin/c\n"), 0o664);
    chmodSync(folder.write("mycron", "@daily /bin/d\n"), 0o664);
    const { stdout } = await petit(["import", "crontab", "cron.d", "--json"], { cwd: folder.path });
    expect(JSON.parse(stdout).lines).toMatchObject([
      { job_id: "a", notes: [expect.stringContaining("everybody can change the crontab")] },
      { job_id: "b", notes: [] },
      { job_id: "c", notes: [expect.stringContaining("its group can change the crontab")] },
    ]);
    const own = await petit(["import", "crontab", "mycron", "--json"], { cwd: folder.path });
    expect(JSON.parse(own.stdout).lines).toMatchObject([{ job_id: "d", notes: [] }]);
  });

  test("can be a pipe of the shell", () => {
    using folder = tempFolder();
    const script = `"$@" import crontab <(printf '@daily /bin/piped\\n')`;
    const { status, stdout } = spawnSync("bash", ["-c", script, "bash", ...PETIT], {
      cwd: folder.path,
      env: cleanEnvironment(folder.path),
      encoding: "utf8",
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining("id: piped\n") });
  });
});

describe("importing again with --force", () => {
  test("keeps the id of each command, and names the jobs whose lines are gone", async () => {
    using folder = tempFolder();
    const lines = ["0 1 * * * run.sh --a", "0 2 * * * run.sh --b", "0 3 * * * run.sh --c"];
    const importLines = async (texts: readonly string[]) => {
      folder.write("mycron", `${texts.join("\n")}\n`);
      const args = ["import", "crontab", "mycron", "-o", "jobs", "--force", "--json"];
      const { stdout } = await petit(args, { cwd: folder.path });
      const report = JSON.parse(stdout);
      const ids = report.lines.map(({ job_id }: { job_id: string }) => job_id);
      return { gone: report.gone, ids: new Map<string, string>(texts.map((text, index) => [text, ids[index]])) };
    };
    const first = await importLines(lines);
    expect(first.gone).toEqual([]);
    expect(new Set(first.ids.values()).size).toBe(3);

    const [a = "", b = "", c = ""] = lines;
    const second = await importLines([b, c]);
    expect([second.ids.get(b), second.ids.get(c)]).toEqual([first.ids.get(b), first.ids.get(c)]);
    expect(second.gone).toEqual([{ path: `${first.ids.get(a)}.yaml`, file: "mycron", text: a }]);
    expect(readdirSync(join(folder.path, "jobs"))).toHaveLength(3);

    unlinkSync(join(folder.path, "jobs", `${first.ids.get(a)}.yaml`));
    const third = await importLines([c]);
    expect(third.ids.get(c)).toBe(first.ids.get(c));
    expect(third.gone).toMatchObject([{ text: b }]);
    const { stderr } = await petit(["import", "crontab", "mycron", "-o", "jobs", "--force"], { cwd: folder.path });
    expect(stderr).toContain(`jobs/${first.ids.get(b)}.yaml: kept: its line is gone from mycron: ${b}\n`);
  });

  test("gives lines with equal ids the same ids in any order", async () => {
    const ids = async (...texts: string[]) =>
      (await importText(`${texts.join("\n")}\n`)).lines.map(({ job_id }: { job_id: string }) => job_id);
    const forwards = await ids("0 1 * * * run.sh --a", "0 2 * * * run.sh --b");
    expect((await ids("0 2 * * * run.sh --b", "0 1 * * * run.sh --a")).reverse()).toEqual(forwards);
  });
});

describe("importing into a folder again", () => {
  const importInto = async (folder: { readonly path: string }, file: string, ...flags: string[]) => {
    const args = ["import", "crontab", file, "-o", "jobs", "--json", ...flags];
    const { status, stdout } = await petit(args, { cwd: folder.path });
    return { status, ids: JSON.parse(stdout).lines.flatMap(({ job_id }: { job_id: string | null }) => job_id ?? []) };
  };

  test("gives a line another id than that of another crontab's job", async () => {
    using folder = tempFolder();
    folder.write("first", "0 1 * * * tool x\n");
    folder.write("second", "0 2 * * * tool x --other\n");
    const first = await importInto(folder, "first");
    const second = await importInto(folder, "second");
    expect(second).toMatchObject({ status: 0, ids: [expect.stringMatching(/^tool-x-[0-9a-f]{6}$/)] });
    expect(await importInto(folder, "first", "--force")).toEqual(first);
    expect(await importInto(folder, "second", "--force")).toEqual(second);
    expect(readFileSync(join(folder.path, "jobs", "tool-x.yaml"), "utf8")).toContain("0 1 * * * tool x\n");
  });

  test("replaces the job of a line that has changed, and of one whose crontab is named in another way", async () => {
    using folder = tempFolder();
    folder.write("mycron", "0 1 * * * tool x\n");
    const { ids } = await importInto(folder, "mycron");
    folder.write("mycron", "0 5 * * * tool x\n");
    expect((await importInto(folder, "./mycron", "--force")).ids).toEqual(ids);
    folder.write("copy", "0 5 * * * tool x\n");
    expect((await importInto(folder, "copy", "--force")).ids).toEqual(ids);
    expect(readdirSync(join(folder.path, "jobs"))).toHaveLength(1);
  });

  test("does not exchange the ids of equal lines", async () => {
    using folder = tempFolder();
    folder.write("mycron", "HOME=/usr\n0 1 * * * ./run\nHOME=/bin\n0 1 * * * ./run\nHOME=/tmp\n0 1 * * * ./run\n");
    const first = await importInto(folder, "mycron");
    expect(new Set(first.ids).size).toBe(3);
    expect(await importInto(folder, "mycron", "--force")).toEqual(first);
    expect(await importInto(folder, "mycron", "--force")).toEqual(first);
  });
});

describe("--split-run-parts", () => {
  test("makes a task for each script, in order, whatever the ones before do", async () => {
    using folder = tempFolder();
    for (const name of ["20-b", "10-a", "30_c"])
      chmodSync(folder.write(`parts/${name}`, `#!/bin/sh\necho ${name}; exit 3\n`), 0o755);
    folder.write("parts/README", "no program\n");
    folder.write("mycron", `@daily cd / && run-parts --report ${folder.path}/parts\n@daily run-parts x | mail\n`);
    const args = ["import", "crontab", "mycron", "-o", "jobs", "--split-run-parts", "--json"];
    const { lines } = JSON.parse((await petit(args, { cwd: folder.path })).stdout);
    expect(lines).toMatchObject([
      { notes: [expect.stringContaining("each of the 3 scripts")] },
      { notes: [expect.stringContaining("it stays one task")] },
    ]);
    const ran = await petit(["trigger", "jobs", lines[0].job_id], { cwd: folder.path });
    expect(ran.status).toBe(1);
    expect(ran.stdout.match(/\d\d[-_][abc]$/gm)).toEqual(["10-a", "20-b", "30_c"]);
  });
});

describe("petit import anacrontab", () => {
  const ANACRONTAB = `# /etc/anacrontab
SHELL=/bin/sh
PATH=/usr/sbin:/usr/bin
RANDOM_DELAY=45
START_HOURS_RANGE=3-22
1\t5\tcron.daily\trun-parts --report /etc/cron.daily
7 10 cron.weekly echo 50% $(date +%F)
@monthly 75 cron.monthly echo month
3 0 odd/name echo odd
`;

  test("writes jobs that are due once in each period, also after downtime", async () => {
    using folder = tempFolder();
    folder.write("anacrontab", ANACRONTAB);
    const imported = await petit(["import", "anacrontab", "anacrontab", "-o", "jobs"], { cwd: folder.path });
    expect(imported.status).toBe(0);
    expect(imported.stderr).toContain("4 jobs\n");
    const jobs = ["cron.daily", "cron.weekly", "cron.monthly", "odd-name"].map((id) =>
      parse(readFileSync(join(folder.path, "jobs", `${id}.yaml`), "utf8")),
    );
    const schedule = (cron: string, window: string) => ({
      cron,
      catchup: "latest",
      catchup_window: window,
      jitter: "45m",
    });
    expect(jobs).toMatchObject([
      { schedule: schedule("5 3 * * *", "2d"), max_concurrency: 1, tasks: [{ working_dir: "/" }] },
      { schedule: schedule("10 3 * * 0", "8d"), tasks: [{ args: ["-c", "echo 50% $(date +%F)"] }] },
      { schedule: schedule("15 4 1 * *", "32d") },
      { schedule: schedule("@every 3d", "4d"), environment: { PATH: "/usr/sbin:/usr/bin", USER: "root" } },
    ]);
    expect((await petit(["validate", "jobs"], { cwd: folder.path })).status).toBe(0);
  });

  const importLines = async (text: string, ...flags: string[]) => {
    using folder = tempFolder();
    chmodSync(folder.write("parts/one", "#!/bin/sh\necho one\n"), 0o755);
    folder.write("anacrontab", text.replaceAll("PARTS", join(folder.path, "parts")));
    const { stdout } = await petit(["import", "anacrontab", "anacrontab", "--json", ...flags], { cwd: folder.path });
    const { files, lines } = JSON.parse(stdout);
    return { lines, jobs: files.map((file: { text: string }) => parse(file.text)) };
  };

  test("reads lines as anacron does: continued, with quotes in values, and with blanks around names only", async () => {
    const text = "# a \\\nb c\nA='x y' \nB = z\n1 5 long echo a \\\n  b \n@annualy 0 year true\n";
    const { jobs, lines } = await importLines(text);
    expect(jobs).toMatchObject([
      { environment: { A: "'x y' ", B: " z" }, tasks: [{ args: ["-c", "echo a    b "] }] },
      { schedule: { cron: "0 0 1 1 *" } },
    ]);
    expect(lines.map(({ line }: { line: number }) => line)).toEqual([3, 4, 5, 7]);
  });

  test("is due in the preferred hour", async () => {
    const { jobs } = await importLines("START_HOURS_RANGE=3-22\nPREFERRED_HOUR=5\n1 25 a true\n7 75 b true\n");
    expect(jobs).toMatchObject([{ schedule: { cron: "25 5 * * *" } }, { schedule: { cron: "15 5 * * 0" } }]);
    expect(jobs[0].environment.PREFERRED_HOUR).toBeUndefined();
  });

  test("mails the output to MAILTO with --smtp, as anacron does", async () => {
    const text = "1 0 none true\nMAILTO=ops@example.com\n1 0 some true\nNO_MAIL_OUTPUT=1\n1 0 off true\n";
    const { jobs } = await importLines(text, "--smtp", "localhost");
    expect(jobs.map(({ notify }: { notify?: unknown }) => notify)).toEqual([
      undefined,
      [expect.objectContaining({ to: ["ops@example.com"], from: "root@localhost", on: ["output"] })],
      undefined,
    ]);
  });

  test("splits the lines of Fedora, which run run-parts by nice", async () => {
    const { jobs } = await importLines(
      "1 5 cron.daily nice run-parts PARTS\n1 5 b nice -n 5 run-parts PARTS\n",
      "--split-run-parts",
    );
    expect(jobs.map(({ tasks }: { tasks: unknown }) => tasks)).toMatchObject([
      [{ id: "one", command: "nice", args: [expect.stringMatching(/parts\/one$/)] }],
      [{ id: "one", command: "nice", args: ["-n", "5", expect.stringMatching(/parts\/one$/)] }],
    ]);
  });

  test("takes no id of another crontab's job, and keeps its own", async () => {
    using folder = tempFolder();
    folder.write("mycron", "0 1 * * * backup\n");
    folder.write("anacrontab", "1 5 backup /usr/bin/backup\n");
    await petit(["import", "crontab", "mycron", "-o", "jobs"], { cwd: folder.path });
    for (const flags of [[], ["--force"]]) {
      const args = ["import", "anacrontab", "anacrontab", "-o", "jobs", "--json", ...flags];
      expect(JSON.parse((await petit(args, { cwd: folder.path })).stdout).lines).toMatchObject([
        { job_id: "backup-2" },
      ]);
    }
  });

  test("reports lines that can't be read", async () => {
    using folder = tempFolder();
    folder.write("anacrontab", "0 5 a true\n1 x b true\n1 5 c\n");
    const { status, stdout } = await petit(["import", "anacrontab", "anacrontab", "--json"], { cwd: folder.path });
    expect(status).toBe(1);
    expect(JSON.parse(stdout).problems).toMatchObject([{ line: 1 }, { line: 2 }, { line: 3 }]);
  });
});
