import { expect, setDefaultTimeout, test } from "bun:test";
import { start } from "../../support/petit/api.ts";
import { installService, onMachine } from "../../support/systemd/service.ts";
import { endOf, eventually } from "../../support/torture/run.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const STATE = "/var/lib/petit-worker";
const KEY = "/etc/petit/petit.key";

const HELD = `id: held
runs_on: gpu
tasks:
  - id: hold
    type: shell
    script: |
      echo begun | tee -a begun.txt
      until [ -e go ]; do sleep 0.05; done
      echo done
`;

await onMachine("under a real systemd, a worker", (machine) => {
  test("is installed as a service, and its task outlives a restart of it", async () => {
    await machine.must("systemd-run", "--unit=nats", "nats-server", "-a", "127.0.0.1", "-js", "-sd", "/var/tmp/nats");
    await machine.must("mkdir", "-p", "/etc/petit");
    const trust = (await machine.must("petit", "worker", "keygen", KEY)).trim();
    const nats = ["--nats", "nats://127.0.0.1:4222"];
    await machine.must("chmod", "755", "/etc/petit");
    const service = ["petit", "service", "install"];
    await using _ = await installService(machine, {
      jobs: { "held.yaml": HELD },
      args: [...nats, "--nats-signing-key", KEY, "--as", "root", "--no-token"],
    });
    const worker = ["--worker", ...nats, "--trust", trust, "--name", "box7", "--label", "gpu"];
    expect(await machine.must(...service, ...worker)).toContain("started petit-worker");
    const show = async (property: string): Promise<string> =>
      (await machine.must("systemctl", "show", `--property=${property}`, "--value", "petit-worker")).trim();
    await eventually("it is connected", async () =>
      (await show("StatusText")).startsWith("connected,") ? true : null,
    );
    const runId = await start(machine, "held");
    await eventually("the task has begun", () => (machine.has(`${STATE}/begun.txt`) ? true : null));
    await eventually("a slot is in use", async () => ((await show("StatusText")).includes("1 of 1") ? true : null));
    await machine.must("systemctl", "restart", "petit-worker");
    machine.write(`${STATE}/go`, "");
    const { status, log } = await endOf(machine, runId);
    expect({ status, log }).toEqual({ status: "completed", log: "begun\ndone\n" });
    expect(machine.read(`${STATE}/begun.txt`)).toBe("begun\n");
    const { stdout } = await machine.run(["petit", "service", "uninstall", "--worker"]);
    expect(stdout).toContain("stopped petit-worker");
    await machine.must("systemctl", "stop", "nats");
  });
});
