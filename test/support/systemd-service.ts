import { afterAll, describe, test } from "bun:test";
import { petitCommand } from "./petit.ts";
import { bootMachine, type Machine } from "./systemd-machine.ts";
import { eventually } from "./torture-run.ts";

/** Tests on a machine of their own; skipped, by name and with the reason, where there can't be one. */
export const onMachine = async (name: string, tests: (machine: Machine) => void): Promise<void> => {
  const booted = await bootForTests();
  if (typeof booted === "string") return test.skip(`${name} (not here: ${booted})`, () => {});
  describe(name, () => {
    afterAll(() => booted[Symbol.asyncDispose]());
    tests(booted);
  });
};

const bootForTests = async (): Promise<Machine | string> => {
  const [petit = "", ...source] = petitCommand();
  return source.length === 0 ? bootMachine(petit) : "a service is the executable, PETIT_TEST_TARGET=executable";
};

export type ServiceOptions = {
  /** Text of each job file by its name. */
  readonly jobs?: Readonly<Record<string, string>>;
  /** Of `petit service install`. */
  readonly args?: readonly string[];
  /** Lines of a drop-in's `[Service]`. */
  readonly dropIn?: readonly string[];
  /** What to write before it is installed, by path. */
  readonly files?: Readonly<Record<string, string>>;
};

/** petit as a service of a machine. Disposing leaves nothing of it there. */
export interface Service extends AsyncDisposable {
  /** What `petit service install` said. */
  readonly said: string;
  /** A property of the unit. */
  show(property: string): Promise<string>;
  pid(): Promise<number>;
  /** Resolves with the pid of a petit that is ready and another than that one. */
  back(after: number): Promise<number>;
  /** All processes in its group, petit's own among them, by their pids outside of the machine. */
  processes(): readonly number[];
}

export const JOBS = "/etc/petit/jobs";
export const STATE = "/var/lib/petit";
const UNIT = "/etc/systemd/system/petit.service";

export const installService = async (machine: Machine, options: ServiceOptions = {}): Promise<Service> => {
  for (const [name, text] of Object.entries(options.jobs ?? {})) machine.write(`${JOBS}/${name}`, text);
  for (const [path, text] of Object.entries(options.files ?? {})) machine.write(path, text);
  if (options.dropIn) machine.write(`${UNIT}.d/test.conf`, ["[Service]", ...options.dropIn, ""].join("\n"));
  const said = await machine.must("petit", "service", "install", ...(options.args ?? []));
  const show = async (property: string): Promise<string> =>
    (await machine.must("systemctl", "show", `--property=${property}`, "--value", "petit")).trim();
  const pid = async (): Promise<number> => Number(await show("MainPID"));
  return {
    said,
    show,
    pid,
    back: (after) =>
      eventually("petit is back", async () => {
        const [now, state] = [await pid(), await show("ActiveState")];
        return now !== 0 && now !== after && state === "active" ? now : null;
      }),
    processes: () => processesOf(machine),
    [Symbol.asyncDispose]: () => remove(machine),
  };
};

const processesOf = (machine: Machine): readonly number[] => {
  const file = "/sys/fs/cgroup/system.slice/petit.service/cgroup.procs";
  return machine.has(file) ? machine.read(file).split("\n").filter(Boolean).map(Number) : [];
};

const killed = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
};

const remove = async (machine: Machine): Promise<void> => {
  // A broken one would be in the way.
  machine.remove("/etc/petit/config.yaml");
  await machine.run(["petit", "service", "uninstall", "--force"]);
  await eventually("its tasks are gone", () => {
    const left = processesOf(machine);
    for (const pid of left) killed(pid);
    return left.length === 0 ? true : null;
  });
  for (const path of [STATE, "/etc/petit", `${UNIT}.d`, "/etc/credstore/petit-token"]) machine.remove(path);
  await machine.must("systemctl", "daemon-reload");
};
