import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { cleanEnvironment, textOf } from "../cli.ts";
import type { CommandOutput, Machine } from "../systemd/machine.ts";

/** A folder of a machine in which commands of the documentation run. */
export interface Place {
  /** Runs a command with bash, and waits for its end. */
  run(command: string): Promise<CommandOutput>;
  /** Writes a file of this folder or, with an absolute path, of the machine. */
  write(path: string, text: string): void;
}

/** A program that stands for one that this machine may lack. */
type Shims = Readonly<Record<string, string>>;

const CRONTAB = "cat <<'END'\n30 2 * * mon-fri  echo nightly\n@reboot  echo started\nEND";

/** `curl` fails if the response is an error, and finds petit on the port of the environment. */
const shimsWith = (curl: string): Shims => ({
  sudo: 'exec "$@"',
  crontab: CRONTAB,
  ssh: CRONTAB,
  curl: `exec ${curl} --silent --show-error --fail --connect-to "localhost:8565:127.0.0.1:\${TEST_PORT:-8565}" "$@"`,
});

const scriptOf = (command: string): string => `#!/bin/sh\n${command}\n`;

export type LocalPlaceOptions = {
  readonly folder: string;
  /** The folder that commands start in. The default is a new one. */
  readonly cwd?: string;
  /** The executable that is named `petit`. */
  readonly petit: string;
  /** Variables in addition to a clean environment. They can change between commands. */
  readonly environment: () => Readonly<Record<string, string>>;
};

/** A folder of this machine. Its home folder, and the programs that have to be root or the machine's, are not real. */
export const localPlace = ({ folder, cwd = join(folder, "work"), petit, environment }: LocalPlaceOptions): Place => {
  const shims = { ...shimsWith(Bun.which("curl") ?? "curl"), petit: `exec ${petit} "$@"` };
  for (const [name, command] of Object.entries(shims)) {
    mkdirSync(join(folder, "bin"), { recursive: true });
    writeFileSync(join(folder, "bin", name), scriptOf(command));
    chmodSync(join(folder, "bin", name), 0o755);
  }
  const home = join(folder, "home");
  for (const each of [home, cwd]) mkdirSync(each, { recursive: true });
  const { PATH, ...clean } = cleanEnvironment(home);
  return {
    run: async (command) => {
      const { PATH: before = "", ...others } = environment();
      const path = [join(folder, "bin"), before, PATH].filter(Boolean).join(delimiter);
      const child = spawn("bash", ["-o", "pipefail", "-c", command], {
        cwd,
        env: { ...clean, ...others, PATH: path },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const [stdout, stderr, status] = await Promise.all([
        textOf(child.stdout),
        textOf(child.stderr),
        new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? 128))),
      ]);
      return { status, stdout, stderr };
    },
    write: (path, text) => {
      const file = path.startsWith("/") ? path : join(cwd, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    },
  };
};

const PROGRAMS = "/opt/test-programs";

/** A folder of a machine with systemd, where all programs but `sudo`, `crontab` and `ssh` are real. */
export const machinePlace = async (
  machine: Machine,
  { folder, environment }: { readonly folder: string; readonly environment: Readonly<Record<string, string>> },
): Promise<Place> => {
  for (const [name, command] of Object.entries(shimsWith("/usr/bin/curl")))
    machine.write(`${PROGRAMS}/${name}`, scriptOf(command));
  await machine.must("sh", "-c", `chmod 755 ${PROGRAMS}/*; mkdir -p ${folder}`);
  const PATH = `${PROGRAMS}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  return {
    run: (command) =>
      machine.run(["bash", "-o", "pipefail", "-c", `cd ${folder} || exit\n${command}`], {
        environment: { ...environment, PATH },
      }),
    write: (path, text) => machine.write(path.startsWith("/") ? path : join(folder, path), text),
  };
};

/** Runs a command that has to succeed. Returns its stdout. */
export const runIn = async (place: Place, command: string): Promise<string> => {
  const { status, stdout, stderr } = await place.run(command);
  if (status !== 0) throw new Error(`'${command}' exited with ${status}:\n${stdout}${stderr}`);
  return stdout;
};

/** A command that runs until it is ended. */
export interface Started {
  readonly command: string;
  /** Ends all of its processes. */
  end(): Promise<void>;
}

/** How often a condition is checked, every 50 ms. */
const CHECKS = 600;

/** Starts a command, and waits until it has printed a text. Throws with what it printed if it ends before. */
export const startIn = async (place: Place, command: string, ready: string): Promise<Started> => {
  const quoted = `'${command.replaceAll("'", "'\\''")}'`;
  const { status, stdout } = await place.run(`log=$(mktemp)
    setsid bash -c ${quoted} > "$log" 2>&1 < /dev/null & pid=$!
    for check in $(seq ${CHECKS}); do
      if grep --quiet --fixed-strings '${ready}' "$log"; then echo $pid "$log"; exit; fi
      kill -0 $pid 2> /dev/null || break
      sleep 0.05
    done
    cat "$log"; rm "$log"; kill -KILL -- -$pid 2> /dev/null; exit 1`);
  if (status !== 0) throw new Error(`'${command}' did not print '${ready}':\n${stdout}`);
  const [pid = "", log = ""] = stdout.trim().split(" ");
  // The second signal ends tasks that run. The process leads a group.
  const end = `pid=${pid}; rm -f ${log}; kill -TERM -- -$pid; kill -INT -- -$pid
    for check in $(seq ${CHECKS}); do kill -0 -- -$pid 2> /dev/null || exit 0; sleep 0.05; done; exit 1`;
  return { command, end: async () => void (await runIn(place, end)) };
};
