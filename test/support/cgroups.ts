import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Cgroup } from "../../src/engine/attempt/cgroup/cgroup.ts";
import { parseMounts } from "../../src/engine/attempt/cgroup/mounts.ts";
import type { CgroupSupport } from "../../src/engine/attempt/cgroup/support.ts";

const findMount = (): string | null => {
  if (process.platform !== "linux") return null;
  const { v2 } = parseMounts(readFileSync("/proc/self/mountinfo", "utf8"));
  const [mount] = v2.filter(({ point }) => isWritable(point));
  return mount?.point ?? null;
};

const isWritable = (path: string): boolean => {
  try {
    accessSync(join(path, "cgroup.procs"), constants.W_OK);
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

const mount = findMount();

/** Why cgroups can't be tested here; null if they can. */
export const whyNoCgroups = mount === null ? "needs a mount of cgroup v2 that this user may write to" : null;

export type CgroupBase = Disposable & {
  /** A folder of cgroup v2 in which a petit may create others. */
  readonly path: string;
  readonly support: CgroupSupport & { readonly kind: "delegated" };
  /** The names of the cgroups in it. */
  readonly names: readonly string[];
};

/** Creates a cgroup for the cgroups of a test. Disposing kills all processes in it and removes it. */
export const cgroupBase = (): CgroupBase => {
  const path = mkdtempSync(join(mount ?? "", "petit-test-"));
  const names = (): readonly string[] =>
    readdirSync(path).filter((name) => existsSync(join(path, name, "cgroup.procs")));
  return {
    path,
    support: { kind: "delegated", base: path, controllers: new Set(), gap: { reason: "of this test", advice: "wait" } },
    get names() {
      return names();
    },
    [Symbol.dispose]: () => {
      const base = new Cgroup(path);
      base.kill();
      const deadline = performance.now() + 5_000;
      while (!base.remove() && performance.now() < deadline) Atomics.wait(NEVER, 0, 0, 5);
    },
  };
};

const NEVER = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Makes a cgroup one that no process can enter. */
export const closeCgroups = (path: string): void => {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "cgroup.type"), "threaded");
};

/** Returns the cgroup of a process of this machine, without the part of the path above `base`; null if it has ended. */
export const cgroupOf = (pid: number, base: string): string | null => {
  try {
    const [, path = ""] = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8")) ?? [];
    return path.slice(path.lastIndexOf(base.split("/").at(-1) ?? "") + (base.split("/").at(-1)?.length ?? 0) + 1);
  } catch {
    return null;
  }
};
