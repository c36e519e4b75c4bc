import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ApiResponse, ask } from "../../support/petit/api.ts";
import type { CommandOutput } from "../../support/systemd/machine.ts";
import { installService, onMachine, type Service } from "../../support/systemd/service.ts";
import { eventually } from "../../support/torture/run.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const SYSTEM_TOKEN = "/etc/credstore/petit-token";
const GROUP_TOKEN = "/etc/petit/token";
const UNIT = "/etc/systemd/system/petit.service";

/** What the task prints and keeps. It is in no job file, so whoever has it has read output. */
const PRIVATE = "private-output-of-the-task";
const JOB = `id: pay
tasks:
  - id: t
    type: shell
    script: |
      echo "private-output""-of-the-task" | tee "$PETIT_ARTIFACTS/a.txt"
    artifacts: ["a.txt"]
---
id: hold
tasks: [{id: t, type: shell, script: 'echo "private-output""-of-the-task"; while [ ! -e /tmp/end ]; do sleep 0.05; done'}]
`;

/** People of the machine. Only `ada` is a member of the group `ops`. */
const PEOPLE = { ada: 1500, ben: 1501 } as const;

type Person = keyof typeof PEOPLE;

await onMachine("on a machine with several users, petit", (machine) => {
  /** Runs a program as a person who is logged in. */
  const as = (person: Person, ...argv: readonly string[]): Promise<CommandOutput> => {
    const id = PEOPLE[person];
    return machine.run(["setpriv", `--reuid=${id}`, `--regid=${id}`, "--init-groups", ...argv], {
      environment: { HOME: `/home/${person}`, USER: person },
    });
  };

  const shellAs = async (person: Person, script: string): Promise<string> =>
    (await as(person, "sh", "-c", script)).stdout;

  /** Sends requests without a token as a person. Returns the status of each. */
  const statuses = async (person: Person, requests: readonly string[]): Promise<Record<string, string>> =>
    Object.fromEntries(
      await Promise.all(
        requests.map(async (request) => {
          const [method = "", path = ""] = request.split(" ");
          const url = `http://127.0.0.1:8565${path}`;
          const write = ["--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "5"];
          return [request, (await as(person, "curl", "--silent", "--request", method, ...write, url)).stdout] as const;
        }),
      ),
    );

  const addPeople = async (): Promise<void> => {
    await machine.must(
      "systemd-sysusers",
      "--inline",
      "g ops 1600",
      ...Object.entries(PEOPLE).flatMap(([name, id]) => [
        `g ${name} ${id}`,
        `u ${name} ${id}:${id} - /home/${name} /bin/sh`,
      ]),
      "m ada ops",
    );
    for (const name of Object.keys(PEOPLE))
      await machine.must("install", "-d", "-m", "700", "-o", name, "-g", name, `/home/${name}`);
  };

  beforeAll(addPeople);

  const withToken = (path: string, token: string, init: RequestInit = {}): Promise<ApiResponse> =>
    ask(machine, path, { ...init, headers: { Authorization: `Bearer ${token}` } });

  type Runs = { readonly ended: string; readonly held: string };

  /** Runs a job to its end, and another one that goes on. */
  const makeRuns = async (token: string): Promise<Runs> => {
    const ended = await withToken("/api/jobs/pay/trigger?wait=60", token, { method: "POST" });
    expect(ended.body.run).toMatchObject({ status: "completed" });
    const held = await withToken("/api/jobs/hold/trigger", token, { method: "POST" });
    return { ended: ended.body.run.id, held: held.body.run_id };
  };

  /** Everything of the API that has data or changes something. */
  const requestsOf = ({ ended, held }: Runs): readonly string[] => [
    "GET /api/jobs",
    "GET /api/jobs/pay",
    "GET /api/jobs/pay/runs",
    "GET /api/jobs/pay/occurrences",
    "GET /api/runs",
    "GET /api/attention",
    "GET /api/events",
    "GET /api/session",
    "GET /api/scheduler/state",
    "GET /metrics",
    `GET /api/runs/${ended}`,
    `GET /api/runs/${ended}/tasks`,
    `GET /api/runs/${ended}/logs`,
    `GET /api/runs/${held}/logs?follow=true`,
    `GET /api/runs/${ended}/artifacts`,
    `GET /api/runs/${ended}/artifacts/t/a.txt`,
    "POST /api/jobs/pay/trigger",
    "POST /api/jobs/reload",
    "POST /api/scheduler/pause",
    "POST /api/scheduler/resume",
    `POST /api/runs/${held}/cancel`,
    `POST /api/runs/${ended}/retry`,
  ];

  const expectRefused = async (person: Person, runs: Runs): Promise<void> => {
    const requests = requestsOf(runs);
    const found = await statuses(person, requests);
    expect(found).toEqual(Object.fromEntries(requests.map((request) => [request, "401"])));
    // The page itself has no data.
    const page = await shellAs(person, "curl --silent http://127.0.0.1:8565/ http://127.0.0.1:8565/api/health");
    expect(page).toContain("<html");
    for (const text of ["pay", runs.ended, PRIVATE]) expect(page).not.toContain(text);
    for (const command of [
      "status",
      "runs",
      "trigger pay",
      "pause",
      "reload",
      `logs ${runs.ended}`,
      `cancel ${runs.held}`,
      `artifacts ${runs.ended}`,
      "why pay",
    ])
      expect({ command, ...(await as(person, "petit", ...command.split(" "))) }).toMatchObject({
        status: 2,
        stdout: "",
        stderr: expect.stringContaining("token"),
      });
  };

  /** Searches for texts in everything that a person can read. Returns the files that have one. */
  const searchAs = async (person: Person | "root", texts: readonly string[]): Promise<readonly string[]> => {
    // A file, because other arguments would be found.
    machine.write("/tmp/texts", texts.map((text) => `${text}\n`).join(""));
    const script = [
      "journalctl --no-pager --all > /dev/shm/journal 2> /dev/null",
      "grep -rlsaFf /tmp/texts --exclude=texts --devices=skip /etc /srv/own /var/lib/petit /run /root/own.token /dev/shm /tmp",
      "grep -lsaFf /tmp/texts /proc/[0-9]*/environ /proc/[0-9]*/cmdline",
      "rm /dev/shm/journal",
    ].join("\n");
    const found = person === "root" ? (await machine.run(["sh", "-c", script])).stdout : await shellAs(person, script);
    return found.split("\n").filter(Boolean);
  };

  /** Neither the token nor what a task has printed can be read, other than by root. */
  const expectHidden = async (person: Person, token: string): Promise<void> => {
    expect((await searchAs("root", [token, PRIVATE])).length).toBeGreaterThan(1);
    expect(await searchAs(person, [token, PRIVATE])).toEqual([]);
  };

  const expectStateUnchanged = async (token: string, { ended, held }: Runs): Promise<void> => {
    expect((await withToken("/api/scheduler/state", token)).body.state).toBe("running");
    const { body } = await withToken("/api/runs", token);
    expect(body.runs.map(({ id }: { id: string }) => id)).toEqual([held, ended]);
    expect(body.runs[0].status).toBe("running");
  };

  const endHeld = async (token: string, { held }: Runs): Promise<void> => {
    machine.write("/tmp/end", "");
    await eventually("the run ends", async () =>
      (await withToken(`/api/runs/${held}`, token)).body.status === "running" ? null : true,
    );
    machine.remove("/tmp/end");
  };

  describe("started by root with petit run", () => {
    const OWN = "/srv/own";

    /** Starts petit as root in the background, outside of its own unit. */
    const startOwn = async (...args: readonly string[]): Promise<AsyncDisposable> => {
      machine.write(`${OWN}/jobs/a.yaml`, JOB);
      const run = ["petit", "run", `${OWN}/jobs`, "--db", `${OWN}/petit.db`, ...args];
      await machine.must("systemd-run", "--quiet", "--unit=own", "--working-directory=/", ...run);
      await eventually("petit is ready", async () =>
        (await machine.run(["curl", "--silent", "--fail", "http://127.0.0.1:8565/api/health"])).status === 0
          ? true
          : null,
      );
      return {
        [Symbol.asyncDispose]: async () => {
          machine.write("/tmp/end", "");
          await machine.must("systemctl", "stop", "own");
          for (const path of [OWN, "/tmp/end"]) machine.remove(path);
        },
      };
    };

    const doctorOf = async (): Promise<readonly Record<string, string>[]> =>
      JSON.parse((await machine.run(["petit", "--db", `${OWN}/petit.db`, "doctor", `${OWN}/jobs`, "--json"])).stdout)
        .checks;

    test("without a token warns in its log, in attention and in doctor, because everybody controls it", async () => {
      await using _ = await startOwn();
      const open = "petit runs as root and requires no token";
      expect((await as("ben", "petit", "trigger", "pay", "--wait")).status).toBe(0);
      const log = await machine.journal("_SYSTEMD_UNIT=own.service");
      expect(log.map(({ text }) => text).filter((text) => text.includes(open))).toHaveLength(1);
      const { body } = await ask(machine, "/api/attention");
      expect(body.items).toContainEqual(expect.objectContaining({ kind: "open_to_users", severity: "warning" }));
      expect(await doctorOf()).toContainEqual(
        expect.objectContaining({ name: "api_access", status: "warning", message: expect.stringContaining(open) }),
      );
    });

    test("with a token refuses everybody else, also by what they can read", async () => {
      await machine.must("petit", "token", "/root/own.token");
      const token = machine.read("/root/own.token").trim();
      await using _ = await startOwn("--token-file", "/root/own.token");
      const runs = await makeRuns(token);
      await expectRefused("ben", runs);
      await expectHidden("ben", token);
      await expectStateUnchanged(token, runs);
      const commands = await machine.run(["petit", "runs", "--token-file", "/root/own.token"]);
      expect(commands).toMatchObject({ status: 0, stdout: expect.stringContaining(runs.ended) });
      expect((await doctorOf()).filter(({ name }) => name === "api_access")).toEqual([
        expect.objectContaining({ status: "ok", message: "only this machine can reach the API, with the token" }),
      ]);
      const log = await machine.journal(
        "_SYSTEMD_UNIT=own.service",
        `_SYSTEMD_INVOCATION_ID=${(await machine.must("systemctl", "show", "--property=InvocationID", "--value", "own")).trim()}`,
      );
      expect(log.filter(({ text }) => text.includes("requires no token"))).toEqual([]);
      await endHeld(token, runs);
      machine.remove("/root/own.token");
    });
  });

  describe("as an installed service", () => {
    const installed = (...args: readonly string[]): Promise<Service> =>
      installService(machine, { jobs: { "a.yaml": JOB }, args });

    test("creates a token, and refuses everybody but root, also by what they can read", async () => {
      await using service = await installed();
      expect(service.output).toContain(`created ${SYSTEM_TOKEN} with a token, which only root can read\n`);
      expect(await machine.must("stat", "--format=%U %G %a", SYSTEM_TOKEN)).toBe("root root 600\n");
      const token = machine.read(SYSTEM_TOKEN).trim();
      const runs = await makeRuns(token);
      for (const person of ["ada", "ben"] as const) await expectRefused(person, runs);
      await expectHidden("ben", token);
      for (const command of [
        "token --print",
        "--db /var/lib/petit/petit.db runs",
        "--db /var/lib/petit/petit.db backup /tmp/copy.db",
        "--db /var/lib/petit/petit.db restore /tmp/copy.db",
        "--db /var/lib/petit/petit.db doctor --end-strays",
        "--db /var/lib/petit/petit.db trigger /etc/petit/jobs pay",
        "service install --no-token",
        "service uninstall",
        `run /etc/petit/jobs --db /var/lib/petit/petit.db --api-port 8566`,
      ]) {
        const { status } = await as("ben", "petit", ...command.split(" "));
        expect({ command, refused: status !== 0 }).toEqual({ command, refused: true });
      }
      expect(machine.has("/tmp/copy.db")).toBe(false);
      await expectStateUnchanged(token, runs);
      await endHeld(token, runs);
    });

    test("serves root's commands and the documented requests", async () => {
      await using _ = await installed();
      expect(await machine.must("petit", "token", "--print")).toBe(machine.read(SYSTEM_TOKEN));
      expect((await machine.run(["petit", "trigger", "pay", "--wait"])).status).toBe(0);
      expect(await machine.must("petit", "status")).toContain("running");
      const header = '-H "Authorization: Bearer $(petit token --print)"';
      const listed = await machine.must("sh", "-c", `curl -s ${header} http://localhost:8565/api/runs?limit=1`);
      const { id } = JSON.parse(listed).runs[0];
      expect(await machine.must("petit", "logs", id)).toContain(PRIVATE);
      expect(
        await machine.must("sh", "-c", `curl -s ${header} http://localhost:8565/api/runs/${id}/artifacts/t/a.txt`),
      ).toBe(`${PRIVATE}\n`);
      for (const command of ["pause", "resume", "reload", `retry ${id} --from t`])
        expect({ command, ...(await machine.run(["petit", ...command.split(" ")])) }).toMatchObject({
          command,
          status: 0,
        });
    });

    test("serves the members of --group, and nobody else", async () => {
      await using service = await installed("--group", "ops");
      expect(service.output).toContain(
        `created ${GROUP_TOKEN} with a token, which only root and the group ops can read\n`,
      );
      expect(await machine.must("stat", "--format=%U %G %a", GROUP_TOKEN)).toBe("root ops 640\n");
      const token = machine.read(GROUP_TOKEN).trim();
      const runs = await makeRuns(token);
      await expectRefused("ben", runs);
      await expectHidden("ben", token);
      await expectStateUnchanged(token, runs);
      expect(await as("ada", "petit", "logs", runs.ended)).toMatchObject({
        status: 0,
        stdout: expect.stringContaining(PRIVATE),
      });
      expect((await as("ada", "petit", "trigger", "pay", "--wait")).status).toBe(0);
      expect(
        await shellAs(
          "ada",
          'curl -s -H "Authorization: Bearer $(petit token --print)" http://localhost:8565/api/jobs',
        ),
      ).toContain('"pay"');
      expect(await machine.must("petit", "status")).toContain("running");
      await endHeld(token, runs);
    });

    test("moves the token to a group that is named later, and says so when it is installed again", async () => {
      await using _ = await installed();
      const token = machine.read(SYSTEM_TOKEN);
      await machine.must("petit", "service", "install", "--group", "ops");
      expect(machine.has(SYSTEM_TOKEN)).toBe(false);
      expect(machine.read(GROUP_TOKEN)).toBe(token);
      expect((await as("ada", "petit", "status")).status).toBe(0);
      // Without the flag, the group stays.
      const again = await machine.run(["petit", "service", "install"]);
      expect(again.stderr).toContain(`the token in ${GROUP_TOKEN}, which root's and the group ops's commands find`);
      expect((await as("ada", "petit", "status")).status).toBe(0);
    });

    test("stays without a token when it is installed again, with a warning, and gets one with --token", async () => {
      await using service = await installed("--no-token");
      expect(service.output).not.toContain("token");
      expect(machine.has(SYSTEM_TOKEN)).toBe(false);
      expect((await ask(machine, "/api/jobs")).status).toBe(200);
      const again = await machine.run(["petit", "service", "install", "--max-jobs=3"]);
      expect(again).toMatchObject({
        status: 0,
        stderr: expect.stringContaining("warning: the installed service has no token, and stays so"),
      });
      expect((await ask(machine, "/api/jobs")).status).toBe(200);
      expect(machine.read(UNIT)).not.toContain("LoadCredential=petit-token");
      expect(await machine.must("petit", "service", "install", "--token")).toContain(
        `created ${SYSTEM_TOKEN} with a token`,
      );
      expect((await ask(machine, "/api/jobs")).status).toBe(401);
      expect((await machine.run(["petit", "status"])).status).toBe(0);
      await machine.must("petit", "service", "install", "--no-token");
      expect((await ask(machine, "/api/jobs")).status).toBe(200);
    });

    test("says that everybody can read a token that was there before", async () => {
      machine.write(SYSTEM_TOKEN, "a-token-of-the-administrator\n");
      await machine.must("chmod", "644", SYSTEM_TOKEN);
      await using _ = await installed("--no-start");
      const { stderr } = await machine.run(["petit", "service", "install", "--no-start"]);
      expect(stderr).toContain(`warning: every user of this machine can read the token in ${SYSTEM_TOKEN}`);
      await machine.must("chmod", "600", SYSTEM_TOKEN);
      expect((await machine.run(["petit", "service", "install", "--no-start"])).stderr).not.toContain("warning");
    });

    test("warns of an executable and a job folder that somebody else can replace", async () => {
      machine.write("/srv/tools/petit", "#!/bin/sh\n");
      await machine.must("sh", "-c", "chmod 755 /srv/tools/petit; mkdir -p /srv/team/jobs; chmod 777 /srv/team");
      await machine.must("chown", "ben", "/srv/tools");
      const install = ["petit", "service", "install", "--no-start", "/srv/team/jobs", "--exec=/srv/tools/petit"];
      const { status, stderr } = await machine.run(install);
      expect({ status, warnings: stderr.match(/^warning: .*$/gm) }).toEqual({
        status: 0,
        warnings: [
          `warning: user ${PEOPLE.ben} can replace /srv/tools, and so decide what the service runs`,
          "warning: every user of this machine can replace /srv/team, and so decide what the service runs",
        ],
      });
      await machine.must("sh", "-c", "chown root /srv/tools; chmod 1777 /srv/team");
      expect((await machine.run(install)).stderr).not.toContain("warning");
      await machine.must("petit", "service", "uninstall");
      for (const path of ["/srv/tools", "/srv/team", SYSTEM_TOKEN]) machine.remove(path);
    });

    test.each(["ln -s", "ln"])(
      "gives a group no access to a file that somebody else has put there with %s",
      async (link) => {
        machine.write("/etc/secret", "the-secret-of-root\n");
        await machine.must(
          "sh",
          "-c",
          `chmod 600 /etc/secret; mkdir -p /etc/petit; ${link} /etc/secret ${GROUP_TOKEN}`,
        );
        const { status, stderr } = await machine.run(["petit", "service", "install", "--no-start", "--group", "ops"]);
        expect({ status, stderr }).toEqual({
          status: 1,
          stderr: expect.stringContaining("is not a file of root alone"),
        });
        expect(await machine.must("stat", "--format=%G %a", "/etc/secret")).toBe("root 600\n");
        for (const path of ["/etc/petit", "/etc/secret"]) machine.remove(path);
      },
    );
  });
});
