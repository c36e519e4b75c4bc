import { expect, setDefaultTimeout, test } from "bun:test";
import { start } from "../../support/petit/api.ts";
import type { CommandOutput, Machine } from "../../support/systemd/machine.ts";
import { onMachine } from "../../support/systemd/service.ts";
import { endOf, eventually } from "../../support/torture/run.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const UID = 1500;
const HOME = "/home/me and 100%";
const RUNTIME = `/run/user/${UID}`;
const JOBS_URL = "http://127.0.0.1:8565/api/jobs";
const UNIT = `${HOME}/.config/systemd/user/petit.service`;
const TOKEN = `${HOME}/.config/credstore/petit-token`;

/** The systemd of a logged-in user: user@.service without the login. */
const LOGIN = `[Service]
Type=notify
User=me
Environment=XDG_RUNTIME_DIR=${RUNTIME}
ExecStart=/usr/lib/systemd/systemd --user
KillMode=mixed
Delegate=pids memory
`;

/** A job whose task waits for the file `go` in the state folder. */
const HELD = `id: held
tasks:
  - id: hold
    type: shell
    script: |
      id -un
      pwd > where
      until [ -e go ]; do sleep 0.05; done
`;

/** The API of petit on a machine, with a token. */
const withToken = ({ fetch }: Machine, token: string): Pick<Machine, "fetch"> => ({
  fetch: (path, request) =>
    fetch(path, {
      ...request,
      headers: { ...Object.fromEntries(new Headers(request?.headers)), Authorization: `Bearer ${token}` },
    }),
});

await onMachine("as a service of a user's own systemd, petit", (machine) => {
  const asMe = (...argv: readonly string[]): Promise<CommandOutput> =>
    machine.run(argv, { uid: UID, environment: { HOME, XDG_RUNTIME_DIR: RUNTIME } });

  const mine = async (...argv: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await asMe(...argv);
    if (status !== 0) throw new Error(`'${argv.join(" ")}' ended with ${status}:\n${stdout}${stderr}`);
    return stdout;
  };

  const logIn = async (): Promise<void> => {
    await machine.must(
      "systemd-sysusers",
      "--inline",
      `g me ${UID}`,
      `u me ${UID}:${UID} - "${HOME.replaceAll("%", "%%")}" /bin/sh`,
      // Another person on the machine, because of whom petit creates a token.
      `u you ${UID + 1} - / /bin/sh`,
    );
    for (const folder of [HOME, RUNTIME])
      await machine.must("install", "-d", "-m", "700", "-o", "me", "-g", "me", folder);
    machine.write("/etc/systemd/system/login.service", LOGIN);
    await machine.must("systemctl", "daemon-reload");
    await machine.must("systemctl", "start", "login");
  };

  test("is installed without root, runs, survives a restart with its tasks, and is uninstalled", async () => {
    await logIn();
    machine.write(`${HOME}/jobs/held.yaml`, HELD);
    const { status, stdout, stderr } = await asMe("petit", "service", "install", "--user", `${HOME}/jobs`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining("loginctl enable-linger") });
    expect(stdout).toStartWith(
      `created ${TOKEN} with a token, which only you can read\nwrote ${UNIT}\nenabled petit: it starts when you log in\nstarted petit: 1 job, 0 runs in progress, 0 waiting\n`,
    );
    const state = (await mine("systemctl", "--user", "show", "--property=WorkingDirectory", "--value", "petit")).trim();
    expect(stderr).toContain(`Database:  ${state}/petit.db\n`);

    const petit = withToken(machine, machine.read(TOKEN).trim());
    const runId = await start(petit, "held");
    // The commands of its user find the token. Another user neither reads it nor controls petit.
    expect((await asMe("petit", "runs")).stdout).toContain(runId.slice(-8));
    expect(await mine("sh", "-c", `curl -s -H "Authorization: Bearer $(petit token --print)" ${JOBS_URL}`)).toContain(
      "held",
    );
    const you = (...argv: readonly string[]) => machine.run(argv, { uid: UID + 1, environment: { HOME: "/" } });
    for (const command of ["runs", "pause", "trigger held", `cancel ${runId}`, "token --print"])
      expect({ command, ...(await you("petit", ...command.split(" "))) }).toMatchObject({ command, stdout: "" });
    expect((await you("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", JOBS_URL)).stdout).toBe("401");
    for (const file of [TOKEN, UNIT, `${state}/petit.db`]) expect((await you("cat", file)).stdout).toBe("");
    await eventually("the task has begun", () => (machine.has(`${state}/where`) ? true : null));
    expect(machine.read(`${state}/where`)).toBe(`${state}\n`);
    expect(await machine.must("stat", "--format=%U %a", state, `${state}/petit.db`)).toBe("me 700\nme 600\n");
    await mine("systemctl", "--user", "restart", "petit");
    machine.write(`${state}/go`, "");
    const { status: outcome, log, tasks } = await endOf(petit, runId);
    expect({ outcome, log, attempts: tasks[0]?.attempts }).toEqual({ outcome: "completed", log: "me\n", attempts: 1 });

    const removed = await asMe("petit", "service", "uninstall", "--user");
    expect(removed).toMatchObject({ status: 0, stdout: `stopped petit\nremoved ${UNIT}\n` });
    expect(removed.stderr).toContain(`the database in ${state}`);
    expect([UNIT, `${HOME}/jobs/held.yaml`, `${state}/petit.db`].map(machine.has)).toEqual([false, true, true]);
    expect((await asMe("systemctl", "--user", "cat", "petit")).status).not.toBe(0);
  });

  test("can't be installed by a user who is not logged in, and prints why", async () => {
    const { status, stderr } = await machine.run(["petit", "service", "install", "--user"], {
      uid: 65_534,
      environment: { HOME: "/tmp" },
    });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining(
        "your user's systemd can't be reached (XDG_RUNTIME_DIR is not set, or you are not logged in)",
      ),
    });
    expect(machine.has("/tmp/.config/systemd")).toBe(false);
  });
});
