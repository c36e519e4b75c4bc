import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";

/** The image that `startPodman` makes: a shell and its tools. */
export const IMAGE = "localhost/petit-test:1";

/** A podman with a store of its own. */
export type Podman = Disposable & {
  /** The variables with which podman uses that store. */
  readonly environment: Readonly<Record<string, string>>;
  /** The names of all containers, also of those that have ended. */
  containers(): readonly string[];
  run(...args: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string };
};

/** What keeps podman from running containers here, or null. scripts/setup-tests installs what it needs. */
export const whyNoPodman = (): string | null => {
  const missing = ["podman", "runc", "busybox", "/usr/libexec/podman/catatonit"].filter(
    (program) => Bun.which(program) === null,
  );
  if (missing.length > 0) return `needs ${missing.join(", ")}`;
  const dir = `/tmp/petit-probe-${process.pid}`;
  using podman = makePodman(dir);
  const { status, stderr } = podman.run("run", "--rm", "--init", IMAGE, "true");
  return status === 0 ? null : `podman can't run containers here: ${stderr.trim()}`;
};

/** Makes a podman with its files in a folder, and its image. */
export const startPodman = (dir: string): Podman => makePodman(`${dir}/podman`);

const makePodman = (dir: string): Podman => {
  mkdirSync(`${dir}/root/bin`, { recursive: true });
  // No cgroups of systemd, no network and no raised limits: that works also within a container.
  writeFileSync(
    `${dir}/containers.conf`,
    `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "none"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
`,
  );
  writeFileSync(
    `${dir}/storage.conf`,
    `[storage]\ndriver = "vfs"\ngraphroot = "${dir}/store"\nrunroot = "${dir}/run"\n`,
  );
  const environment = {
    CONTAINERS_CONF: `${dir}/containers.conf`,
    CONTAINERS_STORAGE_CONF: `${dir}/storage.conf`,
  };
  const run: Podman["run"] = (...args) => {
    const env = { PATH: process.env.PATH ?? "", HOME: dir, ...environment };
    return spawnSync("podman", args, { env, encoding: "utf8" });
  };
  makeImage(dir, run);
  return {
    environment,
    run,
    containers: () =>
      run("ps", "--all", "--format", "{{.Names}}")
        .stdout.split("\n")
        .filter((name) => name !== ""),
    [Symbol.dispose]: () => {
      run("rm", "--all", "--force");
      rmSync(dir, { recursive: true, force: true });
    },
  };
};

const makeImage = (dir: string, run: Podman["run"]): void => {
  const busybox = Bun.which("busybox") ?? "";
  copyFileSync(busybox, `${dir}/root/bin/busybox`);
  const { stdout } = spawnSync(busybox, ["--list"], { encoding: "utf8" });
  for (const tool of stdout.trim().split("\n"))
    if (tool !== "busybox") symlinkSync("busybox", `${dir}/root/bin/${tool}`);
  spawnSync("tar", ["-C", `${dir}/root`, "-cf", `${dir}/root.tar`, "."]);
  const { status, stderr } = run("import", `${dir}/root.tar`, IMAGE);
  if (status !== 0) throw new Error(`podman import: ${stderr}`);
};
