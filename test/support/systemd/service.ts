import { afterAll, describe, test } from "bun:test";
import { petitCommand } from "../petit/petit.ts";
import { eventually } from "../torture/run.ts";
import { bootMachine, type Machine } from "./machine.ts";

/** Declares tests that run on a machine. If it can't boot, they are skipped with the reason in their name. */
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
  /** The texts of job files by name. */
  readonly jobs?: Readonly<Record<string, string>>;
  /** Arguments of `petit service install`. */
  readonly args?: readonly string[];
  /** Lines of the section `[Service]` of a drop-in. */
  readonly dropIn?: readonly string[];
  /** Files to write before the installation, by path. */
  readonly files?: Readonly<Record<string, string>>;
};

/** petit as a service of a machine. Disposing removes it and all its files. */
export interface Service extends AsyncDisposable {
  /** The output of `petit service install`. */
  readonly output: string;
  /** Returns a property of the unit. */
  show(property: string): Promise<string>;
  pid(): Promise<number>;
  /** Resolves with the pid of a ready petit other than the given one. */
  back(after: number): Promise<number>;
  /** Returns the pids of all processes of the service, including petit, as seen from outside the machine. */
  processes(): readonly number[];
}

export const JOBS = "/etc/petit/jobs";
export const STATE = "/var/lib/petit";
const UNIT = "/etc/systemd/system/petit.service";

export const installService = async (machine: Machine, options: ServiceOptions = {}): Promise<Service> => {
  for (const [name, text] of Object.entries(options.jobs ?? {})) machine.write(`${JOBS}/${name}`, text);
  for (const [path, text] of Object.entries(options.files ?? {})) machine.write(path, text);
  if (options.dropIn) machine.write(`${UNIT}.d/test.conf`, ["[Service]", ...options.dropIn, ""].join("\n"));
  const output = await machine.must("petit", "service", "install", ...(options.args ?? []));
  const show = async (property: string): Promise<string> =>
    (await machine.must("systemctl", "show", `--property=${property}`, "--value", "petit")).trim();
  const pid = async (): Promise<number> => Number(await show("MainPID"));
  return {
    output,
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
  const file = "/sys/fs/cgroup/system.slice/system-petit.slice/petit.service/cgroup.procs";
  return machine.has(file) ? machine.read(file).split("\n").filter(Boolean).map(Number) : [];
};

const killed = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has already ended.
  }
};

const remove = async (machine: Machine): Promise<void> => {
  // A failed unit would prevent the next installation.
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
