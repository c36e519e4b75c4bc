import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** True if system calls of a process can be made to fail. scripts/setup-tests installs strace. */
export const canInject = spawnSync("strace", ["-o", "/dev/null", "true"], { stdio: "ignore" }).status === 0;

export interface Fault {
  /** Ends the fault. */
  end(): Promise<void>;
}

/** Makes system calls of a process's main thread fail, such as `pwrite64:error=ENOSPC`. Resolves when the fault is active. */
export const injectFault = (pid: number, rules: readonly string[]): Promise<Fault> => {
  const calls = rules.map((rule) => rule.split(":")[0]).join(",");
  return trace(pid, ["-e", `trace=${calls}`, ...rules.flatMap((rule) => ["-e", `inject=${rule}`])]);
};

/** Kills a process at the nth of these system calls of its main thread. Resolves when the count starts. */
export const killAtCall = (pid: number, calls: string, nth: number): Promise<Fault> =>
  trace(pid, ["-e", `trace=${calls}`, "-e", `inject=${calls}:signal=SIGKILL:when=${nth}`]);

const trace = async (pid: number, options: readonly string[]): Promise<Fault> => {
  const args = ["-p", String(pid), "-o", "/dev/null", ...options];
  const strace = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(strace, "exit");
  let output = "";
  await new Promise<void>((resolve, reject) => {
    strace.stderr.on("data", (chunk) => {
      output += chunk;
      if (output.includes("attached")) resolve();
    });
    strace.stderr.on("end", () => reject(new Error(`strace failed: ${output}`)));
  });
  return {
    end: async () => {
      strace.kill("SIGINT");
      await exited;
    },
  };
};

/** Mounts a small file system in memory at `path`. */
export const smallDisk = (path: string, bytes: number): SmallDisk => {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path], { stdio: "ignore" });
  return new SmallDisk(path);
};

export class SmallDisk implements Disposable {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Fills the remaining space. */
  fill(): void {
    const fd = openSync(join(this.#path, "filler"), "a");
    try {
      for (const bytes of [65_536, 4_096, 1]) this.#fillBy(fd, new Uint8Array(bytes));
    } finally {
      closeSync(fd);
    }
  }

  /** Frees the filled space. */
  free(): void {
    execFileSync("rm", ["-f", join(this.#path, "filler")]);
  }

  get freeBytes(): number {
    const { bsize, bfree } = statfsSync(this.#path);
    return bsize * bfree;
  }

  /** Unmounts it, and leaves its files in the folder. */
  dissolve(): void {
    this.free();
    const copy = `${this.#path}.copy`;
    execFileSync("cp", ["-a", this.#path, copy]);
    this[Symbol.dispose]();
    rmdirSync(this.#path);
    renameSync(copy, this.#path);
  }

  /** Makes it read-only. */
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
      // The space is smaller than `bytes`.
    }
  }
}

/** True if this user can mount file systems. */
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

/** Returns digests of a database and its companion files, to check that nothing changed them. */
export const digests = (dbPath: string): Readonly<Record<string, string | null>> =>
  Object.fromEntries(["", "-wal", "-journal"].map((suffix) => [`db${suffix}`, digest(`${dbPath}${suffix}`)]));

const digest = (path: string): string | null =>
  existsSync(path) ? createHash("sha256").update(readFileSync(path)).digest("hex") : null;
