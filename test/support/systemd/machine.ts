import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dir, "../../..");

/** How long a machine may take to boot. It takes a quarter of a second, but longer on a busy machine. */
const BOOT_MS = 20_000;

/** How long a command in the machine may take. */
const COMMAND_MS = 60_000;

/** The result of a command in a machine. */
export type CommandOutput = { readonly status: number; readonly stdout: string; readonly stderr: string };

export type JournalEntry = { readonly text: string; readonly priority: number; readonly unit: string | null };

/**
 * A machine with its own systemd, started by `systemd-boot.sh`. petit's executable is in /usr/local/bin. Disposing it, or the end
 * of this process, ends all its processes.
 */
export interface Machine extends AsyncDisposable {
  /** Runs a program and waits for its end, by default as root, in a clean environment. */
  run(argv: readonly string[], options?: RunOptions): Promise<CommandOutput>;
  /** Runs a program. Returns its stdout, and throws if it fails. */
  must(...argv: readonly string[]): Promise<string>;
  /** Sends a request to petit in the machine, to a path such as `/api/jobs`. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  read(path: string): string;
  has(path: string): boolean;
  /** Writes a file and creates its folders. */
  write(path: string, text: string): void;
  remove(path: string): void;
  /** Returns the entries of the journal that match, oldest first: `_SYSTEMD_UNIT=petit.service`. */
  journal(...matches: readonly string[]): Promise<readonly JournalEntry[]>;
}

export type RunOptions = {
  /** The id of the user and of the group. */
  readonly uid?: number;
  readonly environment?: Readonly<Record<string, string>>;
};

/** Boots a machine. Returns the reason if that is not possible. */
export const bootMachine = async (petit: string): Promise<Machine | string> => {
  const missing = ["unshare", "nsenter", "setpriv", "systemctl", "journalctl", "curl"].filter(
    (each) => Bun.which(each) === null,
  );
  if (missing.length > 0) return `there is no ${missing.join(", ")}`;
  if (!existsSync(petit)) return `there is no ${petit}`;
  if (process.getuid?.() !== 0) return "it takes root";
  const folder = mkdtempSync(join(tmpdir(), "petit-machine-"));
  const script = join(ROOT, "test/support/systemd/boot.sh");
  const power = Bun.spawn(["unshare", "--mount", "sh", script, "power", folder, petit], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "pipe",
  });
  const off = async (): Promise<void> => {
    await power.stdin.end();
    await power.exited;
    // The script removes the folder, unless it failed to start.
    rmSync(folder, { recursive: true, force: true });
  };
  const init = await firstProcess(power, folder);
  if (init !== null) return machineOf(init, off);
  const [said] = await Promise.all([new Response(power.stderr).text(), off()]);
  return said.trim().split("\n").at(-1) || "systemd does not come up";
};

type Power = { readonly pid: number; readonly exitCode: number | null };

/** Waits until the machine accepts commands. Returns the pid of its first process as seen from here, or null if it does not boot. */
const firstProcess = async (power: Power, folder: string): Promise<number | null> => {
  const deadline = performance.now() + BOOT_MS;
  // The path of the folder in the machine.
  const off = `/proc/${power.pid}/root${folder}/off`;
  while (performance.now() < deadline && power.exitCode === null && !existsSync(off)) {
    const init = childrenOf(power.pid).flatMap(childrenOf).flatMap(childrenOf).find(isSystemd);
    if (init !== undefined && (await isUp(init))) return init;
    await Bun.sleep(10);
  }
  return null;
};

const childrenOf = (pid: number): readonly number[] =>
  readOr(`/proc/${pid}/task/${pid}/children`, "").split(" ").filter(Boolean).map(Number);

const isSystemd = (pid: number): boolean => readOr(`/proc/${pid}/comm`, "").trim() === "systemd";

const isUp = async (init: number): Promise<boolean> =>
  (await enter(init, ["systemctl", "is-system-running"])).stdout.trim() === "running";

const readOr = (path: string, otherwise: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
};

const NAMESPACES = ["--root", "--wd", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup"];

const enter = async (
  init: number,
  argv: readonly string[],
  { uid, environment }: RunOptions = {},
): Promise<CommandOutput> => {
  const variables = {
    PATH: "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/root",
    LANG: "C.UTF-8",
    ...environment,
  };
  const words = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const as = uid === undefined ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const child = Bun.spawn(
    ["nsenter", `--target=${init}`, ...NAMESPACES, ...as, "env", "--ignore-environment", ...words, ...argv],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: COMMAND_MS },
  );
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status, stdout, stderr };
};

const machineOf = (init: number, off: () => Promise<void>): Machine => {
  const at = (path: string): string => `/proc/${init}/root${path}`;
  const must = async (...argv: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await enter(init, argv);
    if (status !== 0) throw new Error(`'${argv.join(" ")}' exited with ${status}:\n${stdout}${stderr}`);
    return stdout;
  };
  return {
    run: (argv, options) => enter(init, argv, options),
    must,
    fetch: async (path, request) => asResponse(await must("curl", ...curlArguments(path, request))),
    read: (path) => readFileSync(at(path), "utf8"),
    has: (path) => existsSync(at(path)),
    write: (path, text) => {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), text);
    },
    remove: (path) => rmSync(at(path), { recursive: true, force: true }),
    journal: async (...matches) => {
      // Write everything that was logged until now.
      await must("journalctl", "--sync");
      return parseJournal(await must("journalctl", "--output=json", "--all", "--quiet", ...matches));
    },
    [Symbol.asyncDispose]: off,
  };
};

const curlArguments = (path: string, { method = "GET", headers = {}, body }: RequestInit = {}): readonly string[] => [
  "--silent",
  "--show-error",
  "--request",
  method,
  ...[...new Headers(headers)].flatMap(([name, value]) => ["--header", `${name}: ${value}`]),
  ...(body === undefined ? [] : ["--data-raw", String(body)]),
  "--write-out",
  "\n%{http_code}",
  `http://127.0.0.1:8565${path}`,
];

const asResponse = (answer: string): Response => {
  const end = answer.lastIndexOf("\n");
  return new Response(answer.slice(0, end), { status: Number(answer.slice(end + 1)) });
};

const parseJournal = (lines: string): readonly JournalEntry[] =>
  lines
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const { MESSAGE, PRIORITY, UNIT, _SYSTEMD_UNIT } = JSON.parse(line);
      return { text: textOf(MESSAGE), priority: Number(PRIORITY), unit: UNIT ?? _SYSTEMD_UNIT ?? null };
    });

/** The journal returns messages with control characters as bytes. */
const textOf = (message: string | readonly number[]): string =>
  typeof message === "string" ? message : Buffer.from(message).toString();
