import manifest from "../../package.json" with { type: "json" };
import type { Place } from "./smoke-place.ts";

/** The checks, in order. Each returns a summary of its result, or throws. */
export const CHECKS: Readonly<Record<string, (place: Place) => string | Promise<string>>> = {
  version: (place) => {
    const { version, target, runtime, sqlite } = JSON.parse(petit(place, "--version", "--json"));
    expectEqual("the version", version, manifest.version);
    expectEqual("the target", target, place.target);
    return `${version}, ${target}, ${runtime.name} ${runtime.version}, SQLite ${sqlite}`;
  },
  validate: (place) => {
    const { valid, jobs } = JSON.parse(petit(place, "validate", `${place.dir}/jobs`, "--json"));
    expectEqual("validity", valid, true);
    return `${jobs.length ?? jobs} job`;
  },
  "a run": (place) => {
    const output = petit(place, "trigger", `${place.dir}/jobs`, "hello", "--param", "name=Ada");
    for (const text of ["Hi Ada!", "done", ...(place.canStartItself ? ["42"] : [])])
      if (!output.includes(text)) throw new Error(`the run did not print '${text}': ${output}`);
    return place.canStartItself ? "shell and TypeScript tasks" : "shell tasks";
  },
  "the API": async (place) => await withScheduler(place, checkApi),
  dashboard: async (place) => await withScheduler(place, checkPage),
};

const petit = ({ command }: Place, ...args: readonly string[]): string => {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command, ...args], { timeout: 120_000 });
  if (exitCode !== 0) throw new Error(`petit ${args.join(" ")} exited with ${exitCode}: ${stderr}`);
  return stdout.toString();
};

const expectEqual = (what: string, given: unknown, expected: unknown): void => {
  if (given !== expected) throw new Error(`${what} is ${given}, but expected ${expected}`);
};

/** Starts the scheduler, runs a check on it, and stops it. */
const withScheduler = async (place: Place, check: (url: string) => Promise<string>): Promise<string> => {
  const args = ["run", `${place.dir}/jobs`, "--db", `${place.dir}/petit.db`, "--api-port", "0", "--log-format", "json"];
  const child = Bun.spawn([...place.command, ...args], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  try {
    const summary = await check(await readyUrl(child.stderr));
    child.kill("SIGTERM");
    expectEqual("the exit status after SIGTERM", await child.exited, 0);
    return summary;
  } finally {
    child.kill("SIGKILL");
  }
};

const readyUrl = async (log: ReadableStream<Uint8Array>): Promise<string> => {
  let text = "";
  for await (const chunk of log) {
    text += new TextDecoder().decode(chunk);
    const line = text.split("\n").find((each) => each.includes('"petit is ready"') && each.endsWith("}"));
    if (line !== undefined) return JSON.parse(line).url;
  }
  throw new Error(`petit was not ready: ${text}`);
};

const checkApi = async (url: string): Promise<string> => {
  const health = await fetch(`${url}/api/health`);
  expectEqual(
    "health",
    JSON.stringify(await health.json()),
    JSON.stringify({ status: "ok", version: manifest.version }),
  );
  const response = await fetch(`${url}/api/jobs/hello/trigger?wait=60`, { method: "POST" });
  const { run_id, run } = JSON.parse(await response.text());
  expectEqual("the run", run?.status, "completed");
  const log = await (await fetch(`${url}/api/runs/${run_id}/logs`)).text();
  if (!log.startsWith("Hi world!\ndone\n")) throw new Error(`the log is ${log}`);
  const { paths } = JSON.parse(await (await fetch(`${url}/api/openapi.json`)).text());
  return `health, a run with its log, ${Object.keys(paths).length} paths`;
};

const checkPage = async (url: string): Promise<string> => {
  const page = await (await fetch(`${url}/`)).text();
  const files = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = ""]) => path);
  if (files.length < 2) throw new Error(`the page references no files: ${page}`);
  for (const file of files) expectEqual(file, (await fetch(url + file)).status, 200);
  return `the page and its ${files.length} files`;
};
