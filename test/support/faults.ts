import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmdirSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether the calls of a process can be made to fail here: `scripts/setup-tests` brings what that needs. */
export const canInject = spawnSync("strace", ["-o", "/dev/null", "true"], { stdio: "ignore" }).status === 0;

export interface Fault {
  /** The calls succeed again. */
  end(): Promise<void>;
}

/** Lets system calls of a process's main thread fail, such as `pwrite64:error=ENOSPC`, from when it resolves. */
export const injectFault = (pid: number, rules: readonly string[]): Promise<Fault> => {
  const calls = rules.map((rule) => rule.split(":")[0]).join(",");
  return trace(pid, ["-e", `trace=${calls}`, ...rules.flatMap((rule) => ["-e", `inject=${rule}`])]);
};

/** Kills a process at the nth of these system calls of its main thread, from when it resolves. */
export const killAtCall = (pid: number, calls: string, nth: number): Promise<Fault> =>
  trace(pid, ["-e", `trace=${calls}`, "-e", `inject=${calls}:signal=SIGKILL:when=${nth}`]);

const trace = async (pid: number, options: readonly string[]): Promise<Fault> => {
  const args = ["-p", String(pid), "-o", "/dev/null", ...options];
  const strace = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(strace, "exit");
  let said = "";
  await new Promise<void>((resolve, reject) => {
    strace.stderr.on("data", (chunk) => {
      said += chunk;
      if (said.includes("attached")) resolve();
    });
    strace.stderr.on("end", () => reject(new Error(`strace can't be had: ${said}`)));
  });
  return {
    end: async () => {
      strace.kill("SIGINT");
      await exited;
    },
  };
};

/** A small file system in memory, at `path`. */
export const smallDisk = (path: string, bytes: number): SmallDisk => {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path], { stdio: "ignore" });
  return new SmallDisk(path);
};

export class SmallDisk implements Disposable {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Takes all the room that is left. */
  fill(): void {
    const fd = openSync(join(this.#path, "filler"), "a");
    try {
      for (const bytes of [65_536, 4_096, 1]) this.#fillBy(fd, new Uint8Array(bytes));
    } finally {
      closeSync(fd);
    }
  }

  /** Gives it back. */
  free(): void {
    execFileSync("rm", ["-f", join(this.#path, "filler")]);
  }

  /** From now on it can only be read. */
  protect(): void {
    execFileSync("mount", ["-o", "remount,ro", this.#path]);
  }

  [Symbol.dispose](): void {
    execFileSync("umount", ["-l", this.#path]);
  }

  #fillBy(fd: number, bytes: Uint8Array): void {
    try {
      while (writeSync(fd, bytes) === bytes.length);
    } catch {
      // No room for so much.
    }
  }
}

/** Whether this user can mount one. */
export const canMount = ((): boolean => {
  const path = mkdtempSync(join(tmpdir(), "petit-mount-"));
  try {
    smallDisk(path, 4_096)[Symbol.dispose]();
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(path);
  }
})();

/** Digests of a database and of what lies beside it: what must be the same where nothing may be changed. */
export const digests = (dbPath: string): Readonly<Record<string, string | null>> =>
  Object.fromEntries(["", "-wal", "-journal"].map((suffix) => [`db${suffix}`, digest(`${dbPath}${suffix}`)]));

const digest = (path: string): string | null =>
  existsSync(path) ? createHash("sha256").update(readFileSync(path)).digest("hex") : null;
