import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { installService, JOBS, onMachine, STATE } from "../../support/systemd/service.ts";
import { endOf, eventually } from "../../support/torture/run.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const UNIT = "/etc/systemd/system/petit.service";

/** Returns a job with one shell task. */
const shellJob = (id: string, ...script: readonly string[]): string =>
  [
    `id: ${id}`,
    "tasks:",
    "  - id: t",
    "    type: shell",
    "    script: |",
    ...script.map((line) => `      ${line}`),
    "",
  ].join("\n");

await onMachine("as a service of a real systemd, petit", (machine) => {
  const logOf = async (jobId: string): Promise<string> => {
    const { id, status } = await runToEnd(machine, jobId);
    const log = await (await machine.fetch(`/api/runs/${id}/logs`)).text();
    expect({ status, log }).toEqual({ status: "completed", log });
    return log;
  };

  describe("is installed", () => {
    test("as the README describes", async () => {
      const readme = readFileSync(join(import.meta.dir, "../../../README.md"), "utf8");
      const [, block = ""] = /## As a service\n\n```sh\n([\s\S]*?)```/.exec(readme) ?? [];
      // The executable is already where the first line installs it.
      const [install, ...lines] = block.trim().split("\n");
      expect(install).toBe("sudo install -m 755 dist/petit /usr/local/bin/petit");
      // The checked files are those that an uninstallation removes.
      await using service = await installService(machine, { args: ["--no-start"] });
      for (const line of lines) await machine.must("sh", "-c", line.replace("sudo ", ""));
      expect(await service.show("ActiveState")).toBe("active");
      await eventually("petit finds the job", async () =>
        (await service.show("StatusText")) === "1 job, 0 runs in progress, 0 waiting" ? true : null,
      );
    });

    test("with its user, folders and service, and runs as that user", async () => {
      await using service = await installService(machine, {
        jobs: { "who.yaml": shellJob("who", "id -un; pwd; umask") },
      });
      expect(service.output).toContain(
        `wrote ${UNIT}\nenabled petit: it starts with the machine\nstarted petit: 1 job`,
      );
      expect(await logOf("who")).toBe(`petit\n${STATE}\n0027\n`);
      expect(await machine.must("stat", "--format=%U %a", STATE, `${STATE}/petit.db`)).toBe("petit 750\npetit 600\n");
      expect((await machine.must("systemctl", "is-enabled", "petit")).trim()).toBe("enabled");
    });

    test("once: a second installation changes nothing, and one with other flags replaces the unit", async () => {
      await using service = await installService(machine);
      const again = await machine.must("petit", "service", "install");
      expect(again).toContain(`${UNIT} is up to date\n`);
      expect(again).toContain("restarted petit: 0 jobs");
      const before = await service.pid();
      expect(await machine.must("petit", "service", "install", "--max-jobs=3")).toContain(`updated ${UNIT}\n`);
      expect(await service.pid()).not.toBe(before);
      expect(await machine.must("systemctl", "cat", "petit")).toContain(" --max-jobs=3\n");
    });

    test("in folders with blanks and characters that are special in units", async () => {
      const [jobs, db, token] = ["/srv/my 100% $HOME jobs", "/srv/da ta %h/petit.db", "/srv/token%t"];
      machine.write(`${jobs}/a.yaml`, shellJob("a", "echo here"));
      machine.write(token, "s3cret\n");
      await using _ = await installService(machine, { args: [jobs, `--db=${db}`, `--token-file=${token}`] });
      const headers = { Authorization: "Bearer s3cret" };
      const { status, body } = await ask(machine, "/api/jobs/a/trigger?wait=60", { method: "POST", headers });
      expect({ status, run: body.run?.status }).toEqual({ status: 200, run: "completed" });
      expect(await machine.must("stat", "--format=%U %a", db)).toBe("petit 600\n");
      expect((await ask(machine, "/api/jobs")).status).toBe(401);
      machine.remove("/srv");
    });

    test("in folders that its user can enter, whatever root's umask is", async () => {
      await machine.must("sh", "-c", "umask 077; petit service install --db /srv/a/b/petit.db");
      const modes = await machine.must("stat", "--format=%U %a", JOBS, "/srv/a", "/srv/a/b", UNIT);
      expect(modes).toBe("root 755\nroot 755\npetit 750\nroot 644\n");
      expect((await machine.must("systemctl", "is-active", "petit")).trim()).toBe("active");
      await machine.must("petit", "service", "uninstall");
      for (const path of ["/srv", "/etc/petit"]) machine.remove(path);
    });

    test("only by root", async () => {
      const { status, stderr } = await machine.run(["petit", "service", "install"], { uid: 65_534 });
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: "petit: a system service needs root: use sudo, or install a user service with --user\n",
      });
      expect(machine.has(UNIT)).toBe(false);
    });

    test("and prints why it does not start", async () => {
      // An address of documentation, which no machine has (RFC 5737).
      const { status, stderr } = await machine.run(["petit", "service", "install", "--api-host=192.0.2.1", "--token"]);
      expect(status).toBe(1);
      expect(stderr).toContain("the service was installed, but does not start: ");
      expect(stderr).toMatch(/petit\[\d+\]: petit: .*192\.0\.2\.1/);
      await machine.must("petit", "service", "uninstall");
      machine.remove("/etc/credstore/petit-token");
    });
  });

  test("replaces a unit without a slice beside its running tasks, and then starts in the slice", async () => {
    const held = shellJob("held", "touch begun", "until [ -e go ]; do sleep 0.05; done", "echo done");
    await using service = await installService(machine, { jobs: { "held.yaml": held } });
    const old = machine.read(UNIT).replaceAll(/^(Slice|Delegate|ExecStartPre|Environment)=.*\n/gm, "");
    await machine.must("systemctl", "stop", "petit", "system-petit.slice");
    machine.write(UNIT, old);
    await machine.must("systemctl", "daemon-reload");
    await machine.must("systemctl", "start", "petit");
    expect(await service.show("ControlGroup")).toEndWith("/system.slice/petit.service");
    const { body } = await ask(machine, "/api/jobs/held/trigger", { method: "POST" });
    await eventually("the task has begun", () => (machine.has(`${STATE}/begun`) ? true : null));

    await machine.must("petit", "service", "install", "--force");
    expect(await service.show("ControlGroup")).toEndWith("/system.slice/system-petit.slice/petit.service");
    expect(service.processes().length).toBeGreaterThan(2);
    machine.write(`${STATE}/go`, "");
    expect(await endOf(machine, body.run_id)).toMatchObject({ status: "completed", log: "done\n" });
  });

  test("runs tasks as other users with the lines of a drop-in that docs/limits.md has, and otherwise says what is missing", async () => {
    const docs = readFileSync(join(import.meta.dir, "../../../docs/limits.md"), "utf8");
    const [, lines = ""] = /```ini\n\[Service\]\n(.*?)```/s.exec(docs) ?? [];
    const job = `id: other\nrun_as: nobody\ntasks:\n  - {id: t, type: shell, working_dir: /tmp, script: "id -un"}\n`;
    const long = job.replace("other", "long").replace("id -un", "exec sleep 600");
    const files = { "/etc/petit/config.yaml": "run_as_allowed: [nobody]\n" };
    await using service = await installService(machine, {
      jobs: { "other.yaml": job, "long.yaml": long },
      files,
      args: ["--as=root", "--no-token", "--config=/etc/petit/config.yaml"],
    });
    const { body } = await ask(machine, "/api/jobs/reload", { method: "POST" });
    expect(JSON.stringify(body.problems)).toContain("run_as needs CAP_SETUID, CAP_SETGID");

    machine.write(`${UNIT}.d/run-as.conf`, `[Service]\n${lines}`);
    await machine.must("systemctl", "daemon-reload");
    await machine.must("systemctl", "restart", "petit");
    expect(await logOf("other")).toBe("nobody\n");
    const before = service.processes().length;
    const started = await ask(machine, "/api/jobs/long/trigger", { method: "POST" });
    await eventually("the task runs", () => (service.processes().length > before ? true : null));
    await ask(machine, `/api/runs/${started.body.run_id}/cancel`, { method: "POST" });
    expect(await endOf(machine, started.body.run_id)).toMatchObject({ status: "cancelled" });
    await eventually("its processes have ended", () => (service.processes().length === before ? true : null));
    machine.remove("/etc/petit/config.yaml");
    machine.remove(`${UNIT}.d`);
  });

  test("is uninstalled, and its data is not removed", async () => {
    const held = shellJob("held", "touch begun", "until [ -e go ]; do sleep 0.05; done", "touch done");
    await using service = await installService(machine, { jobs: { "held.yaml": held } });
    await ask(machine, "/api/jobs/held/trigger", { method: "POST" });
    await eventually("the task has begun", () => (machine.has(`${STATE}/begun`) ? true : null));
    const { status, stdout, stderr } = await machine.run(["petit", "service", "uninstall"]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `stopped petit\nremoved ${UNIT}\n` });
    expect(stderr).toMatch(/Task processes that are still running: \d\./);
    expect(stderr).toContain(`the database in ${STATE}`);
    expect((await machine.run(["systemctl", "cat", "petit"])).status).not.toBe(0);
    expect(machine.has("/etc/systemd/system/multi-user.target.wants/petit.service")).toBe(false);
    expect([`${JOBS}/held.yaml`, `${STATE}/petit.db`].map(machine.has)).toEqual([true, true]);
    machine.write(`${STATE}/go`, "");
    await eventually("its task ends by itself", () => (machine.has(`${STATE}/done`) ? true : null));
    await eventually("nothing of it is left", () => (service.processes().length === 0 ? true : null));
  });

  describe("does not pass on", () => {
    test("the variables of systemd to its tasks, which have only their own", async () => {
      const job = shellJob("env", "env; ls /run/credentials 2>&1 | grep -c petit-token || true");
      await using _ = await installService(machine, {
        jobs: { "env.yaml": job },
        dropIn: ["Environment=OF_UNIT=1"],
        files: { "/etc/petit/environment": "FOR_TASKS=yes\nBUN_BE_BUN=1\nBUN_OPTIONS=--version\n" },
      });
      const names = (await logOf("env")).split("\n").map((line) => line.split("=")[0] ?? "");
      expect(names).toContain("FOR_TASKS");
      expect(names).toContain("OF_UNIT");
      expect(names.filter((name) => /^(NOTIFY_SOCKET|WATCHDOG_|CREDENTIALS_DIRECTORY|BUN_)/.test(name))).toEqual([]);
      const told = await machine.must(
        "cat",
        `/proc/${await machine.must("systemctl", "show", "--property=MainPID", "--value", "petit").then((text) => text.trim())}/environ`,
      );
      expect(told).toContain("NOTIFY_SOCKET=");
      expect(told).toContain("WATCHDOG_USEC=");
      expect(told).toContain("CREDENTIALS_DIRECTORY=");
    });

    test("its token, which is a systemd credential", async () => {
      const job = shellJob(
        "look",
        'cat "/run/credentials/petit.service/petit-token" /etc/credstore/petit-token || echo "no"',
      );
      await using _ = await installService(machine, {
        jobs: { "look.yaml": job },
        files: { "/etc/credstore/petit-token": "s3cret\n" },
      });
      await machine.must("chmod", "600", "/etc/credstore/petit-token");
      expect((await ask(machine, "/api/jobs")).status).toBe(401);
      const headers = { Authorization: "Bearer s3cret" };
      expect((await ask(machine, "/api/jobs", { headers })).status).toBe(200);
    });
  });

  test("passes a credential of its unit only to tasks that name it, and hides it in their output", async () => {
    const job = [
      "id: cred",
      "tasks:",
      "  - id: t",
      "    type: shell",
      "    environment: {TOKEN: {credential: load-token}}",
      "    script: 'echo \"[$TOKEN] ${#TOKEN}\"'",
      "---",
      "id: other",
      "tasks: [{id: t, type: shell, environment: {TOKEN: {credential: not-loaded}}, script: env}]",
    ].join("\n");
    await using _ = await installService(machine, {
      jobs: { "cred.yaml": job, "env.yaml": shellJob("env", "env") },
      dropIn: ["LoadCredential=load-token:/root/load-token"],
      // Only root can read its source.
      files: { "/root/load-token": "correct-horse\n" },
    });
    await machine.must("chmod", "600", "/root/load-token");
    expect(await logOf("cred")).toBe("[***] 13\n");
    expect(await logOf("env")).not.toMatch(/correct-horse|CREDENTIALS_DIRECTORY/);
    expect(await runToEnd(machine, "other")).toMatchObject({
      status: "failed",
      error: expect.stringMatching(
        /environment.TOKEN can't be used: the credential \S+not-loaded can't be read \(ENOENT\)/,
      ),
    });
    expect((await machine.run(["grep", "-rl", "correct-horse", STATE])).stdout).toBe("");
  });

  describe("in its sandbox", () => {
    const KINDS = `id: kinds
tasks:
  - {id: command, type: command, command: /bin/echo, args: [command]}
  - {id: shell, type: shell, script: "touch made /tmp/made && echo shell", depends_on: [command]}
  - {id: typescript, type: typescript, inline: true, script: "console.log(\`type\${'script'}\`)", depends_on: [shell]}
`;

    test("runs tasks of each kind", async () => {
      await using _ = await installService(machine, { jobs: { "kinds.yaml": KINDS } });
      expect(await logOf("kinds")).toBe("command\nshell\ntypescript\n");
      expect([`${STATE}/made`, "/tmp/made"].map(machine.has)).toEqual([true, true]);
    });

    test("restricts tasks, unless it is disabled", async () => {
      const tries = [
        "touch /usr/made 2> /dev/null && echo usr || true",
        "ls /home > /dev/null 2>&1 && echo homes || true",
        "grep -q '^NoNewPrivs:.*1' /proc/self/status || echo privileges",
        "[ -e /proc/1/comm ] && echo processes || true",
        "unshare --user true 2> /dev/null && echo namespaces || true",
      ];
      const jobs = { "tries.yaml": shellJob("tries", ...tries) };
      {
        await using _ = await installService(machine, { jobs });
        expect(await logOf("tries")).toBe("");
      }
      await using _ = await installService(machine, { jobs, args: ["--no-sandbox"] });
      expect(await logOf("tries")).toContain("homes\nprivileges\nprocesses\n");
    });

    test("has an exposure score of at most 2.0 in systemd-analyze", async () => {
      await using _ = await installService(machine, { args: ["--no-start"] });
      const analysis = await machine.must("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT);
      const [text, score] = /Overall exposure level for petit\.service: ([\d.]+)/.exec(analysis) ?? [];
      console.log(`systemd-analyze security: ${text}`);
      expect(Number(score)).toBeLessThanOrEqual(2);
    });
  });

  test.each<readonly [string, readonly string[]]>([
    ["by default", []],
    ["without a sandbox", ["--no-sandbox"]],
    ["for a user", ["--user"]],
    ["with all options", ["/srv/my jobs", "--db=/srv/da ta/p.db", "--token-file=/srv/t", "--as=daemon"]],
  ])("has a unit without warnings of systemd: %s", async (_, args) => {
    machine.write("/tmp/verify/petit.service", await machine.must("petit", "service", "print", ...args));
    const scope = args.includes("--user") ? ["--user"] : [];
    const { status, stdout, stderr } = await machine.run(
      ["systemd-analyze", "verify", ...scope, "--man=no", "--recursive-errors=no", "/tmp/verify/petit.service"],
      { environment: { XDG_RUNTIME_DIR: "/tmp/verify" } },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("logs to the journal: readable lines with priorities, without timestamps", async () => {
    const jobs = { "a.yaml": shellJob("a", "true"), "broken.yaml": "id: broken\nschedul: '@daily'\n" };
    await using _ = await installService(machine, { jobs });
    await runToEnd(machine, "a");
    const entries = await machine.journal("_SYSTEMD_UNIT=petit.service", "_TRANSPORT=stdout");
    const priorityOf = (text: string) => entries.findLast((entry) => entry.text.includes(text))?.priority;
    expect(priorityOf("petit is ready")).toBe(6);
    expect(priorityOf("a job file is broken")).toBe(4);
    for (const { text } of entries) expect(text).not.toMatch(/<\d>|\d\d:\d\d:\d\d|\u001b|^\{|INFO|WARN/);
    await machine.must("systemctl", "stop", "petit");
    machine.write("/etc/petit/config.yaml", "max_jobs: many\n");
    expect((await machine.run(["systemctl", "start", "petit"])).status).toBe(1);
    const [last] = (await machine.journal("_SYSTEMD_UNIT=petit.service", "_TRANSPORT=stdout")).slice(-1);
    expect(last).toMatchObject({ priority: 3, text: expect.stringMatching(/^petit: .*max_jobs is 'many'/) });
  });
});
