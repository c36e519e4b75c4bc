import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CgroupSystem, judgeCgroups, unenforced } from "../../../../src/engine/attempt/cgroup/support.ts";
import { tempDir } from "../../../support/temp-dir.ts";

const ME = process.geteuid?.() ?? 0;
const FILES = ["cgroup.procs", "cgroup.subtree_control", "cgroup.type"];

type Machine = {
  /** Cgroups that exist, and whether systemd has marked them as delegated. */
  readonly cgroups?: Readonly<Record<string, boolean>>;
  readonly own?: string;
  readonly controllers?: string;
  readonly euid?: number;
  readonly attribute?: string;
  readonly v1?: boolean;
  readonly root?: string;
};

/** A machine whose file system of cgroups is an ordinary folder. */
const machine = ({
  cgroups = {},
  own = "/",
  controllers = "cpuset cpu io memory pids",
  euid = 0,
  attribute = "user.delegate",
  v1 = false,
  root = "/",
}: Machine) => {
  const dir = tempDir();
  const folder = (path: string) => join(dir.path, path === "/" ? "" : path);
  for (const path of ["/", ...Object.keys(cgroups)]) {
    mkdirSync(folder(path), { recursive: true });
    for (const file of FILES) writeFileSync(join(folder(path), file), "");
    writeFileSync(join(folder(path), "cgroup.controllers"), `${controllers}\n`);
  }
  const marked = new Set(Object.entries(cgroups).flatMap(([path, isMarked]) => (isMarked ? [folder(path)] : [])));
  const mountinfo = [
    "21 1 0:20 / /proc rw - proc proc rw",
    `22 1 0:21 ${root} ${dir.path.replaceAll(" ", "\\040")} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate`,
  ];
  if (v1)
    mountinfo.push(
      "23 1 0:22 / /c/memory rw - cgroup cgroup rw,memory",
      "24 1 0:23 / /c/cpu rw - cgroup cgroup rw,cpu,cpuacct",
    );
  const system: CgroupSystem = {
    mountinfo: mountinfo.join("\n"),
    cgroup: `12:cpu,cpuacct:/x\n1:name=systemd:/y\n0::${own}\n`,
    euid,
    readXattr: (path, name) => (name === attribute && marked.has(path) ? "1" : null),
  };
  return {
    folder,
    system,
    judge: (given = "") => judgeCgroups(system, given),
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
};

const SCOPE = "/user.slice/petit.scope";
const SERVICE = "/system.slice/petit.service";
const LEAF = `${SERVICE}/petit`;
const ATTEMPT = "/x/petit-0123abcd-7-abc";

describe("cgroups are delegated to petit", () => {
  test.each<[string, Machine, base: string]>([
    ["in a scope that systemd has marked", { own: SCOPE, cgroups: { [SCOPE]: true } }, SCOPE],
    [
      "in one whose mark only root can read",
      { own: SCOPE, cgroups: { [SCOPE]: true }, attribute: "trusted.delegate" },
      SCOPE,
    ],
    [
      "in a service that begins in a folder within its own",
      { own: LEAF, cgroups: { [SERVICE]: true, [LEAF]: false } },
      SERVICE,
    ],
    ["in a container, which has a namespace of its own", { own: "/" }, "/"],
    ["in a container, after petit has moved", { own: "/petit", cgroups: { "/petit": false } }, "/"],
    ["as a task with limits", { own: ATTEMPT, cgroups: { [ATTEMPT]: false } }, ATTEMPT],
    [
      "in a mount of only a part",
      { own: "/a/petit.scope", root: "/a", cgroups: { "/petit.scope": true } },
      "/petit.scope",
    ],
  ])("%s", (_, given, base) => {
    using it = machine(given);
    const controllers = new Set(["memory", "cpu", "pids"]);
    expect<unknown>(it.judge()).toEqual({ kind: "delegated", base: it.folder(base), controllers, gap: null });
  });

  test("where the variable says so", () => {
    using it = machine({ own: SERVICE, cgroups: { [SERVICE]: false, "/petit.slice/tasks": false } });
    const base = it.folder("/petit.slice/tasks");
    expect(it.judge(base)).toMatchObject({ kind: "delegated", base });
  });

  test("without a controller that their parent does not pass on", () => {
    using it = machine({ own: SCOPE, cgroups: { [SCOPE]: true }, controllers: "memory pids" });
    const support = it.judge();
    expect(support).toMatchObject({ kind: "delegated", controllers: new Set(["memory", "pids"]) });
    expect(unenforced(support, { memoryBytes: 1, pids: 1 })).toBeNull();
    expect(unenforced(support, { memoryBytes: 1, cpus: 1 })).toEqual({
      limits: ["cpus"],
      reason: "petit's cgroup lacks the controller cpu",
      advice: expect.stringContaining("Delegate=cpu memory pids"),
    });
  });

  test("without the controllers that cgroup v1 has", () => {
    using it = machine({ own: SCOPE, cgroups: { [SCOPE]: true }, controllers: "hugetlb", v1: true });
    expect(it.judge()).toMatchObject({
      kind: "delegated",
      controllers: new Set(),
      gap: { reason: "this machine has cgroup v1 for memory, cpu, pids" },
    });
  });
});

describe("cgroups are not delegated to petit", () => {
  test("where cgroup v1 has the controllers, although the variable names a folder", () => {
    using it = machine({ own: SERVICE, cgroups: { [SERVICE]: false }, v1: true });
    const reason = "this machine has cgroup v1 for memory, cpu, pids";
    expect(it.judge(it.folder("/petit.slice/tasks"))).toMatchObject({ kind: "none", reason });
  });

  test.each<[string, Machine, reason: string]>([
    [
      "as root in a scope without a mark",
      { own: SCOPE, cgroups: { [SCOPE]: false } },
      "petit's cgroup is not delegated to it",
    ],
    [
      "in a service without Delegate=",
      { own: SERVICE, cgroups: { [SERVICE]: false } },
      "the cgroup of petit.service is not delegated to petit",
    ],
    [
      "in the folder of a service itself",
      { own: SERVICE, cgroups: { [SERVICE]: true } },
      "systemd could not start petit again while a limited task runs",
    ],
    [
      "within what belongs to the user's own manager",
      { own: SCOPE, cgroups: { [SCOPE]: false }, euid: ME },
      "petit's cgroup is not delegated to it",
    ],
    ["outside of the namespace", { own: "/../x" }, "the cgroup of petit is not visible"],
    ["without a path in cgroup v2", { own: "" }, "the cgroup of petit is not visible"],
  ])("%s", (_, given, reason) => {
    using it = machine(given);
    expect(it.judge()).toEqual({ kind: "none", reason, advice: expect.stringMatching(/\w/) });
  });

  test("at the top of the machine, which has no type", () => {
    using it = machine({ own: "/" });
    rmSync(it.folder("/cgroup.type"));
    expect(it.judge()).toMatchObject({ kind: "none", reason: "petit's cgroup is not delegated to it" });
  });

  test.each([
    ["no file system of cgroups is mounted", "21 1 0:20 / /proc rw - proc proc rw"],
    ["this machine has cgroup v1", "23 1 0:22 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"],
  ])("because %s", (reason, mountinfo) => {
    using it = machine({});
    expect(judgeCgroups({ ...it.system, mountinfo }, "")).toMatchObject({ kind: "none", reason });
  });

  test("where the variable names something else", () => {
    using it = machine({});
    expect(it.judge("/tmp")).toMatchObject({ kind: "none", reason: "/tmp is not a folder of cgroup v2" });
    expect(it.judge(it.folder("/none"))).toMatchObject({ kind: "none" });
  });

  test("and then no limit of memory, CPU time or processes can be enforced", () => {
    using it = machine({ own: SCOPE, cgroups: { [SCOPE]: false } });
    const support = it.judge();
    expect(unenforced(support, { nice: 5 })).toBeNull();
    expect(unenforced(support, { memoryBytes: 1, pids: 2 })).toMatchObject({
      limits: ["memory", "pids"],
      reason: "petit's cgroup is not delegated to it",
    });
  });
});
