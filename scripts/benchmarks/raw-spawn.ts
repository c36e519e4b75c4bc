import { join } from "node:path";

/** A baseline. `rate` starts a program `count` times, CONCURRENCY at a time, and returns the number of starts per second. */
export type RawSpawn = { readonly name: string; readonly rate: (count: number) => number };

/** The number of concurrent processes, in the baseline and in petit. */
export const CONCURRENCY = 4;

export const PROGRAM = "/bin/true";

/** Returns the baselines: Bun.spawn and, if a C compiler is installed, a program that calls `posix_spawn`, built in `dir`. */
export const rawSpawns = (dir: string): readonly RawSpawn[] => {
  const binary = join(dir, "raw-spawn");
  const compiler = ["cc", "gcc", "clang"].find((name) => Bun.which(name) !== null);
  if (compiler === undefined) return [viaRuntime()];
  const { exitCode } = Bun.spawnSync([compiler, "-O2", "-o", binary, join(import.meta.dir, "raw-spawn.c")]);
  return exitCode === 0 ? [viaC(binary), viaRuntime()] : [viaRuntime()];
};

const viaC = (binary: string): RawSpawn => ({ name: "C posix_spawn", rate: (count) => rateOf([binary], count) });

const viaRuntime = (): RawSpawn => ({
  name: "Bun.spawn",
  rate: (count) => rateOf([process.execPath, join(import.meta.dir, "raw-spawn-here.ts")], count),
});

const rateOf = (command: readonly string[], count: number): number => {
  const { stdout, success } = Bun.spawnSync([...command, String(count), String(CONCURRENCY), PROGRAM]);
  if (!success) throw new Error(`the baseline failed: ${command.join(" ")}`);
  return Number(stdout.toString());
};
