import { resolve } from "node:path";

export type CgroupMounts = {
  /** Mounts of cgroup v2. */
  readonly v2: readonly CgroupMount[];
  /** The options of each mount of cgroup v1, which name its controllers. */
  readonly v1: readonly (readonly string[])[];
};

type CgroupMount = {
  /** The path within the hierarchy that is mounted; `/` for all of it. */
  readonly root: string;
  readonly point: string;
};

/** Parses /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export const parseMounts = (mountinfo: string): CgroupMounts => {
  const mounts = mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root, point] = before.split(" ");
    const [type, , options = ""] = after.split(" ");
    return root === undefined || point === undefined
      ? []
      : [{ type, root: unescaped(root), point: unescaped(point), options: options.split(",") }];
  });
  return {
    v2: mounts.filter(({ type }) => type === "cgroup2").map(({ root, point }) => ({ root, point })),
    v1: mounts.filter(({ type }) => type === "cgroup").map(({ options }) => options),
  };
};

/** Spaces, tabs, newlines and backslashes are octal numbers. */
const unescaped = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** Returns the path of a process within cgroup v2, by its /proc/PID/cgroup; null if it has none. */
export const pathOf = (text: string): string | null => /^0::(\/.*)$/m.exec(text)?.[1] ?? null;

/** Returns the folder of a path within cgroup v2, and whether it is the top of the hierarchy as this process sees it. */
export const folderOf = (
  { v2 }: CgroupMounts,
  path: string,
): { readonly folder: string; readonly isTop: boolean } | null => {
  // A process outside of the namespace has a path that begins with `/..`.
  if (path.split("/").includes("..")) return null;
  const mount = v2.find(({ root }) => root === "/" || path === root || path.startsWith(`${root}/`));
  if (mount === undefined) return null;
  const { root, point } = mount;
  return { folder: resolve(`${point}/${root === "/" ? path : path.slice(root.length)}`), isTop: path === "/" };
};
