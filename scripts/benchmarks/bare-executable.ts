import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./petit-process.ts";

/** Compiles an executable with the flags of scripts/compile. */
export const compileBare = (dir: string, name: string, text: string): string => {
  const source = join(dir, `${name}.ts`);
  const out = join(dir, name);
  if (existsSync(out)) return out;
  writeFileSync(source, text);
  const flags = [
    "--compile",
    `--outfile=${out}`,
    "--minify-whitespace",
    "--minify-syntax",
    "--bytecode",
    "--format=esm",
  ];
  const { success } = Bun.spawnSync([process.execPath, "build", source, ...flags], { stdout: "ignore" });
  if (!success) throw new Error(`${name} can't be built`);
  return out;
};

const SERVER = `Bun.serve({ hostname: "127.0.0.1", port: Number(process.argv[2]), fetch: () => Response.json({ status: "ok" }) })`;

/** A minimal server of the same runtime. Disposing it stops it. */
export interface BareServer extends AsyncDisposable {
  readonly pid: number;
  /** The time from exec until its first response, in ms. */
  readonly startMs: number;
}

/** Starts the minimal server, which is compiled into `dir` at the first call. */
export const startBareServer = async (dir: string): Promise<BareServer> => {
  const executable = compileBare(dir, "bare-server", SERVER);
  const port = await freePort();
  const startedAt = performance.now();
  const child = Bun.spawn([executable, String(port)], { stdio: ["ignore", "ignore", "inherit"] });
  while (!(await isReachable(port))) await Bun.sleep(1);
  return {
    pid: child.pid,
    startMs: performance.now() - startedAt,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await child.exited;
    },
  };
};

const isReachable = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/api/health`).then(
    ({ ok }) => ok,
    () => false,
  );
