import manifest from "../../package.json" with { type: "json" };
import type { Place } from "./smoke-place.ts";

/** What people do first, in order; each answers with what it saw, or throws. */
export const CHECKS: Readonly<Record<string, (place: Place) => string | Promise<string>>> = {
  version: (place) => {
    const { version, target, runtime, sqlite } = JSON.parse(petit(place, "--version", "--json"));
    same("the version", version, manifest.version);
    same("the target", target, place.target);
    return `${version}, ${target}, ${runtime.name} ${runtime.version}, SQLite ${sqlite}`;
  },
  validate: (place) => {
    const { valid, jobs } = JSON.parse(petit(place, "validate", `${place.dir}/jobs`, "--json"));
    same("validity", valid, true);
    return `${jobs.length ?? jobs} job`;
  },
  "a run": (place) => {
    const said = petit(place, "trigger", `${place.dir}/jobs`, "hello", "--param", "name=Ada");
    for (const text of ["Hi Ada!", "done", ...(place.startsItself ? ["42"] : [])])
      if (!said.includes(text)) throw new Error(`a run printed no '${text}': ${said}`);
    return place.startsItself ? "shell and TypeScript tasks" : "shell tasks";
  },
  "the API": async (place) => await started(place, askApi),
  dashboard: async (place) => await started(place, askPage),
};

const petit = ({ command }: Place, ...args: readonly string[]): string => {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command, ...args], { timeout: 120_000 });
  if (exitCode !== 0) throw new Error(`petit ${args.join(" ")} ended with ${exitCode}: ${stderr}`);
  return stdout.toString();
};

const same = (what: string, given: unknown, expected: unknown): void => {
  if (given !== expected) throw new Error(`${what} is ${given}; expected ${expected}`);
};

/** Starts the scheduler, asks it something, and stops it. */
const started = async (place: Place, ask: (url: string) => Promise<string>): Promise<string> => {
  const args = ["run", `${place.dir}/jobs`, "--db", `${place.dir}/petit.db`, "--api-port", "0", "--log-format", "json"];
  const child = Bun.spawn([...place.command, ...args], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  try {
    const said = await ask(await readyUrl(child.stderr));
    child.kill("SIGTERM");
    same("the exit status after SIGTERM", await child.exited, 0);
    return said;
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

const askApi = async (url: string): Promise<string> => {
  const health = await fetch(`${url}/api/health`);
  same("health", JSON.stringify(await health.json()), JSON.stringify({ status: "ok", version: manifest.version }));
  const answer = await fetch(`${url}/api/jobs/hello/trigger?wait=60`, { method: "POST" });
  const { run_id, run } = JSON.parse(await answer.text());
  same("the run", run?.status, "completed");
  const log = await (await fetch(`${url}/api/runs/${run_id}/logs`)).text();
  if (!log.startsWith("Hi world!\ndone\n")) throw new Error(`the log is ${log}`);
  const { paths } = JSON.parse(await (await fetch(`${url}/api/openapi.json`)).text());
  return `health, a run with its log, ${Object.keys(paths).length} paths`;
};

const askPage = async (url: string): Promise<string> => {
  const page = await (await fetch(`${url}/`)).text();
  const files = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = ""]) => path);
  if (files.length < 2) throw new Error(`the page names no files: ${page}`);
  for (const file of files) same(file, (await fetch(url + file)).status, 200);
  return `the page and its ${files.length} files`;
};
