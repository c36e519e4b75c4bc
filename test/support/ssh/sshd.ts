import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { freePort } from "../free-port.ts";
import { eventually } from "../torture/run.ts";

/** True if OpenSSH's client and server are installed. scripts/setup-tests installs them. */
export const hasSshd = ["/usr/bin/ssh", "/usr/sbin/sshd"].every((program) => existsSync(program));

/** A real sshd on a free port of this machine, with its own keys. */
export type Sshd = AsyncDisposable & {
  readonly port: number;
  /** The private key of the user that may log in, who is the user of the tests. */
  readonly identityFile: string;
  /** A private key that may not log in. */
  readonly strangerFile: string;
  readonly knownHosts: string;
  /** The fields of a task of the type ssh, without its id and script. */
  readonly task: string;
  /** Kills the processes of all connections. The server goes on. */
  cut(): void;
};

/** Starts an sshd with its files in a folder, whose keys it uses if there are any. The port is a free one unless it is given. */
export const startSshd = async (dir: string, givenPort?: number): Promise<Sshd> => {
  const port = givenPort ?? (await freePort());
  const [hostKey, identityFile, strangerFile] = ["host", "id", "stranger"].map((name) => makeKey(`${dir}/${name}`));
  const knownHosts = `${dir}/known_hosts`;
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, "utf8")}`);
  const config = {
    Port: port,
    ListenAddress: "127.0.0.1",
    HostKey: hostKey,
    AuthorizedKeysFile: `${identityFile}.pub`,
    StrictModes: "no",
    UsePAM: "no",
    PidFile: "none",
    PermitRootLogin: "yes",
    MaxStartups: 200,
  };
  writeFileSync(
    `${dir}/sshd_config`,
    Object.entries(config)
      .map(([key, value]) => `${key} ${value}\n`)
      .join(""),
  );
  // Debian's sshd needs this folder to drop its permissions.
  mkdirSync("/run/sshd", { recursive: true });
  const server = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", `${dir}/sshd_config`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  server.stderr.on("data", (chunk) => {
    log += chunk;
  });
  await eventually("sshd listens", () => (log.includes("Server listening") ? true : null));
  const connections = (): readonly number[] => (server.pid === undefined ? [] : childrenOf(server.pid));
  return {
    port,
    identityFile: identityFile ?? "",
    strangerFile: strangerFile ?? "",
    knownHosts,
    task: `type: ssh, host: 127.0.0.1, port: ${port}, identity_file: ${identityFile}, known_hosts: ${knownHosts}`,
    cut: () => connections().forEach(killAll),
    [Symbol.asyncDispose]: async () => {
      const exited = new Promise((resolve) => server.once("exit", resolve));
      connections().forEach(killAll);
      server.kill("SIGKILL");
      await exited;
    },
  };
};

const makeKey = (path: string): string => {
  if (existsSync(path)) return path;
  const { status, stderr } = spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]);
  if (status !== 0) throw new Error(`ssh-keygen: ${stderr}`);
  return path;
};

/** Kills a process of sshd and those of its own that it started, but not the user's programs. */
const killAll = (pid: number): void => {
  const children = childrenOf(pid).filter((child) => commOf(child) === "sshd");
  kill(pid);
  children.forEach(killAll);
};

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
};

const childrenOf = (pid: number): readonly number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => statOf(each)?.[1] === String(pid));

const commOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
};

/** Returns the fields of /proc/PID/stat from the state on, or null if there is no such process. */
const statOf = (pid: number): readonly string[] | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
};
