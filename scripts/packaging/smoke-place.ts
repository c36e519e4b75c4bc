import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { ROOT } from "./lock.ts";

/** The error of an archive that cannot run on this machine. */
export class CannotRun extends Error {}

/** An unpacked archive with a job. Disposing it removes the folder. */
export type Place = Disposable & {
  /** The target of the archive, such as `linux-x64-musl`. */
  readonly target: string;
  /** The command that starts petit. */
  readonly command: readonly string[];
  /** The folder of the job and the database, as petit sees it. */
  readonly dir: string;
  /** The same folder outside of petit's root. */
  readonly hostDir: string;
  /** True if petit can start its own executable. False if an emulator runs it. */
  readonly canStartItself: boolean;
};

const JOBS = `id: hello
params: {name: {default: world}}
tasks:
  - {id: greet, type: shell, script: 'echo "Hi $PETIT_PARAM_NAME!"; echo word=done >> "$PETIT_OUTPUT"'}
  - {id: print, type: shell, script: 'echo "$WORD"', environment: {WORD: "\${{ tasks.greet.outputs.word }}"}, depends_on: [greet]}
`;

const TYPESCRIPT = `  - {id: count, type: typescript, inline: true, script: "const n: number = 6; console.log(n * 7)", depends_on: [print]}
`;

/** Unpacks an archive. Throws `CannotRun` if it cannot run on this machine. */
export const unpackArchive = (archive: string): Place => {
  const target = /^petit-([a-z0-9-]+)\.(tar\.gz|zip)$/.exec(basename(archive))?.[1];
  if (target === undefined) throw new Error(`${archive} is not an archive of a release`);
  const launch = launchOf(target);
  const hostDir = mkdtempSync(join(ROOT, "dist", "smoke-"));
  const { exitCode, stderr } = Bun.spawnSync(["tar", "-xzf", resolve(archive), "--strip-components=1", "-C", hostDir]);
  if (exitCode !== 0) throw new Error(`${archive} can't be unpacked: ${stderr}`);
  for (const file of [
    "LICENSE",
    "README.md",
    "docs/job-files.md",
    "THIRD-PARTY-LICENSES",
    "petit.service",
    "completions/petit.bash",
    "man/man1/petit.1",
  ])
    if (!existsSync(join(hostDir, file))) throw new Error(`${archive} has no ${file}`);
  mkdirSync(join(hostDir, "jobs"));
  writeFileSync(join(hostDir, "jobs/hello.yaml"), launch.canStartItself ? JOBS + TYPESCRIPT : JOBS);
  const dispose = () => rmSync(hostDir, { recursive: true, force: true });
  return { target, hostDir, ...launch, ...launch.at(hostDir), [Symbol.dispose]: dispose };
};

type Launch = {
  readonly canStartItself: boolean;
  readonly at: (hostDir: string) => Pick<Place, "command" | "dir">;
};

const QEMU = "qemu-aarch64-static";

const launchOf = (target: string): Launch => {
  if (!target.startsWith("linux-")) throw new CannotRun(`${target} can be built but not run on Linux`);
  if (target === `linux-${process.arch}` && !isMusl)
    return { canStartItself: true, at: (dir) => ({ command: [join(dir, "petit")], dir }) };
  const root = rootOf(target);
  if (target.startsWith(`linux-${process.arch}`)) return { canStartItself: true, at: (dir) => inRoot(root, dir) };
  if (Bun.which(QEMU) === null) throw new CannotRun(`${QEMU} is not installed`);
  return { canStartItself: false, at: (dir) => ({ command: [QEMU, "-L", root, join(dir, "petit")], dir }) };
};

const isMusl = readdirSync("/lib").some((name) => name.startsWith("ld-musl-")) && !existsSync("/lib64");

const rootOf = (target: string): string => {
  const root = join(ROOT, "dist/smoke-roots", target);
  if (existsSync(root)) return root;
  const result = Bun.spawnSync([join(ROOT, "scripts/smoke-root"), target, root], { stderr: "pipe" });
  if (result.exitCode !== 0)
    throw new CannotRun(`its root folder can't be created: ${result.stderr.toString().trim()}`);
  return root;
};

/** Runs petit in a root folder. The mounts disappear with the process. */
const inRoot = (root: string, hostDir: string): Pick<Place, "command" | "dir"> => {
  const inside = "/tmp/smoke";
  const script = `mkdir -p "$0${inside}" && mount -t proc proc "$0/proc" && mount --bind "$1" "$0${inside}" &&
    mount --bind /dev "$0/dev" && root=$0 && shift && exec chroot "$root" ${inside}/petit "$@"`;
  return { command: ["unshare", "-m", "sh", "-c", script, root, hostDir], dir: inside };
};
