import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

/** Installs Deno. Returns its path, or null with the reason. */
const setUpDeno = (): { readonly path: string | null; readonly reason: string } => {
  const { status, stdout, stderr } = spawnSync(join(ROOT, "scripts/setup-deno"), { encoding: "utf8" });
  return status === 0 ? { path: stdout.trim(), reason: "" } : { path: null, reason: (stderr ?? "").trim() };
};

export const deno = setUpDeno();

/** Returns the command of docs/service.md that runs petit under Deno, usable from any folder. */
export const denoCommand = (): readonly string[] => {
  const [, flags = "", main = ""] =
    /^deno run (.*?) ?(src\/main\.ts) run examples\/jobs$/m.exec(readFileSync(join(ROOT, "docs/service.md"), "utf8")) ??
    [];
  if (main === "") throw new Error("docs/service.md does not say how to run petit under Deno");
  return [deno.path ?? "deno", "run", ...flags.split(" ").filter(Boolean), join(ROOT, main)];
};

/** All petit processes share this cache of transpiled files, whatever their home folder is. */
export const denoEnvironment = { DENO_DIR: join(ROOT, ".tools/deno/cache"), NO_COLOR: "1" };
