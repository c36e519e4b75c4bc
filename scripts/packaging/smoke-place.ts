import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { ROOT } from "./lock.ts";

/** Why an artifact can't be run on this machine. */
export class CannotRun extends Error {}

/** Where the petit of an archive is unpacked, with a job to run. */
export type Place = Disposable & {
  /** Such as `linux-x64-musl`. */
  readonly target: string;
  /** What starts petit. */
  readonly command: readonly string[];
  /** Folder of the job and the database, as petit sees it, and as it is here. */
  readonly dir: string;
  readonly hostDir: string;
  /** Whether petit's own executable can be started by petit: not where something else emulates its processor. */
  readonly startsItself: boolean;
};

const JOBS = `id: hello
params: {name: {default: world}}
tasks:
  - {id: greet, type: shell, script: 'echo "Hi $PETIT_PARAM_NAME!"; echo word=done >> "$PETIT_OUTPUT"'}
  - {id: tell, type: shell, script: 'echo "$WORD"', environment: {WORD: "\${{ tasks.greet.outputs.word }}"}, depends_on: [greet]}
`;

const TYPESCRIPT = `  - {id: count, type: typescript, inline: true, script: "const n: number = 6; console.log(n * 7)", depends_on: [tell]}
`;

export const layOut = (archive: string): Place => {
  const target = /^petit-([a-z0-9-]+)\.(tar\.gz|zip)$/.exec(basename(archive))?.[1];
  if (target === undefined) throw new Error(`${archive} is no archive of a release`);
  const how = howToRun(target);
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
  ])
    if (!existsSync(join(hostDir, file))) throw new Error(`${archive} has no ${file}`);
  mkdirSync(join(hostDir, "jobs"));
  writeFileSync(join(hostDir, "jobs/hello.yaml"), how.startsItself ? JOBS + TYPESCRIPT : JOBS);
  const dispose = () => rmSync(hostDir, { recursive: true, force: true });
  return { target, hostDir, ...how, ...how.at(hostDir), [Symbol.dispose]: dispose };
};

type How = {
  readonly startsItself: boolean;
  readonly at: (hostDir: string) => Pick<Place, "command" | "dir">;
};

const QEMU = "qemu-aarch64-static";

const howToRun = (target: string): How => {
  if (!target.startsWith("linux-")) throw new CannotRun(`this machine runs Linux; ${target} can only be built here`);
  if (target === `linux-${process.arch}` && !isMusl)
    return { startsItself: true, at: (dir) => ({ command: [join(dir, "petit")], dir }) };
  const root = rootOf(target);
  if (target.startsWith(`linux-${process.arch}`)) return { startsItself: true, at: (dir) => inRoot(root, dir) };
  if (Bun.which(QEMU) === null) throw new CannotRun(`${QEMU} is not installed`);
  return { startsItself: false, at: (dir) => ({ command: [QEMU, "-L", root, join(dir, "petit")], dir }) };
};

const isMusl = readdirSync("/lib").some((name) => name.startsWith("ld-musl-")) && !existsSync("/lib64");

const rootOf = (target: string): string => {
  const root = join(ROOT, "dist/smoke-roots", target);
  if (existsSync(root)) return root;
  const made = Bun.spawnSync([join(ROOT, "scripts/smoke-root"), target, root], { stderr: "pipe" });
  if (made.exitCode !== 0) throw new CannotRun(`its root can't be made: ${made.stderr.toString().trim()}`);
  return root;
};

/** Mounts are gone with the process. */
const inRoot = (root: string, hostDir: string): Pick<Place, "command" | "dir"> => {
  const inside = "/tmp/smoke";
  const script = `mkdir -p "$0${inside}" && mount -t proc proc "$0/proc" && mount --bind "$1" "$0${inside}" &&
    mount --bind /dev "$0/dev" && root=$0 && shift && exec chroot "$root" ${inside}/petit "$@"`;
  return { command: ["unshare", "-m", "sh", "-c", script, root, hostDir], dir: inside };
};
