import { join } from "node:path";

/** Makes a program that many times, four at a time, and answers how many it made a second. */
export type RawSpawn = { readonly name: string; readonly rate: (count: number) => number };

/** Runs at once, here and in petit. */
export const TOGETHER = 4;

export const PROGRAM = "/bin/true";

/** This runtime's own spawn and, built in `dir` where there is a compiler, a C program around `posix_spawn`. */
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
  const { stdout, success } = Bun.spawnSync([...command, String(count), String(TOGETHER), PROGRAM]);
  if (!success) throw new Error(`the baseline failed: ${command.join(" ")}`);
  return Number(stdout.toString());
};
