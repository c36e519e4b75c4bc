import { type ChildProcess, spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

/** How long the process works, and then rests at least, in ms. */
const WORK_MS = 10;
const REST_MS = 40;

/**
 * Lets a process work for a fifth of the time until it has ended, and writes to disk meanwhile what it has written to a file. Otherwise the commits of petit
 * wait for a gigabyte that the process syncs at once at its end. `file` returns the path of the file; null without one.
 */
export const pace = async (child: ChildProcess, file: () => string | null): Promise<void> => {
  if (child.pid === undefined) return;
  using _waker = wakeAfterDeath(child.pid);
  for (;;) {
    await setTimeout(WORK_MS);
    if (!signal(child, "SIGSTOP")) return;
    try {
      await Promise.all([sync(file()), setTimeout(REST_MS)]);
    } finally {
      signal(child, "SIGCONT");
    }
  }
};

/** Returns false if the process has ended. `child.kill` sends one signal only under Deno. */
const signal = ({ pid, exitCode, signalCode }: ChildProcess, name: "SIGSTOP" | "SIGCONT"): boolean => {
  if (pid === undefined || exitCode !== null || signalCode !== null) return false;
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
};

const sync = async (file: string | null): Promise<void> => {
  if (file === null) return;
  try {
    await using handle = await open(file, "r");
    await handle.datasync();
  } catch {
    // It has got its name, or the disk does not work, which the process finds out itself.
  }
};

/** Starts a shell that lets the process go on if petit is killed while it rests: it would hold the log of the database for ever. */
const wakeAfterDeath = (pid: number): Disposable => {
  const waker = spawn("/bin/sh", ["-c", 'read -r _ || kill -CONT "$1"', "sh", String(pid)], {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  waker.on("error", () => {});
  waker.stdin.on("error", () => {});
  waker.unref();
  return { [Symbol.dispose]: () => void waker.stdin.end("\n") };
};
