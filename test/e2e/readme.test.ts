import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { cleanEnvironment, textOf } from "../support/cli.ts";
import { type Petit, startPetit } from "../support/petit.ts";
import { ask } from "../support/petit-api.ts";

const ROOT = join(import.meta.dirname, "../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");

type Step = { readonly command: string; readonly output: readonly string[] };

/** What stands in the blocks of a language. */
const blocks = (language: string): readonly string[] =>
  [...README.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, kind, text = ""]) =>
    kind === language ? [text] : [],
  );

/** Commands, each with what it prints. */
const steps = (text: string): readonly Step[] =>
  text
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const [command = "", ...output] = step.trimEnd().split("\n");
      return { command, output };
    });

/** A line without what differs from time to time. */
const settled = (line: string): string =>
  line
    .replaceAll(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g, "ID")
    .replaceAll(/\b\d+(?:\.\d+)?(?:ms|s)\b/g, "TIME");

let petit: Petit;
let bin: string;
beforeAll(async () => {
  petit = await startPetit({ jobsDir: join(ROOT, "examples/jobs"), args: ["--no-watch"] });
  bin = mkdtempSync(join(tmpdir(), "petit-bin-"));
  symlinkSync(join(ROOT, "dist/petit"), join(bin, "petit"));
});
afterAll(async () => {
  rmSync(bin, { recursive: true });
  await petit[Symbol.asyncDispose]();
});

/** Runs a line as it stands in the README, by a petit of that name, against the one that was started. */
const shell = async (command: string): Promise<string> => {
  const environment = cleanEnvironment(petit.dir);
  const child = spawn("sh", ["-c", `{ ${command}\n} 2>&1`], {
    cwd: petit.dir,
    env: { ...environment, PATH: `${bin}${delimiter}${environment.PATH}`, PETIT_URL: petit.url },
    stdio: ["ignore", "pipe", "ignore"],
  });
  return await textOf(child.stdout);
};

/** Resolves when no run goes on. */
const idle = async (): Promise<void> => {
  const { body } = await ask(petit, "/api/runs?status=running");
  await Promise.all(
    body.runs.map(async ({ id }: { id: string }) => (await petit.fetch(`/api/runs/${id}/logs?follow=true`)).text()),
  );
};

describe("the README", () => {
  test("shows a session as it goes", async () => {
    const session = blocks("console").flatMap(steps);
    expect(session.length).toBeGreaterThanOrEqual(6);
    for (const { command, output } of session) {
      const printed = (await shell(command)).trimEnd().split("\n");
      // What goes to stdout and what goes to stderr may change places.
      expect([command, printed.map(settled).sort()]).toEqual([command, output.map(settled).sort()]);
      // Whoever types is slower than a run takes to end.
      if (command.startsWith("petit cancel")) await idle();
    }
    const { body } = await ask(petit, "/api/runs?limit=100");
    // At a full minute the examples run by themselves, too.
    const asked = body.runs.filter(({ trigger }: Record<string, string>) => trigger !== "schedule");
    expect(
      asked.map(({ job_id, status, trigger }: Record<string, string>) => `${job_id} ${status} ${trigger}`),
    ).toEqual(["import_rows completed retry", "import_rows cancelled manual", "greet completed manual"]);
    const tasks = await ask(petit, `/api/runs/${asked[0].id}/tasks`);
    expect(tasks.body.tasks.map(({ reused }: { reused: boolean }) => reused)).toEqual([true, false]);
  }, 60_000);

  test("has requests that are answered", async () => {
    const made = JSON.parse(blocks("json")[0] ?? "");
    const lines = blocks("sh").flatMap((block) => block.split("\n").filter((line) => line.startsWith("curl ")));
    expect(lines.length).toBeGreaterThanOrEqual(6);
    const { body } = await ask(petit, "/api/runs?limit=1");
    for (const line of lines) {
      const command = line
        .replace("http://localhost:8565", petit.url)
        .replace(made.run_id, body.runs[0].id)
        .replace("curl ", "curl -sS -o /dev/null -w '%{http_code}' ");
      expect([line, await shell(command)]).toEqual([line, "200"]);
    }
    const response = await ask(petit, "/api/jobs/hello_world/trigger", { method: "POST" });
    expect({ ...response.body, run_id: made.run_id }).toEqual(made);
  }, 60_000);

  test("lists every operation of the API, and every command", async () => {
    const { body } = await ask(petit, "/api/openapi.json");
    // `GET /api/runs/{run_id}` · `/tasks` names two.
    const isListed = (path: string): boolean =>
      README.includes(path) || README.includes(`\`${path.slice(path.lastIndexOf("/"))}\``);
    expect(Object.keys(body.paths).filter((path) => !isListed(path))).toEqual([]);
    const help = await shell("petit --help");
    const commands = [...help.matchAll(/^ {2}([a-z]+) {2,}[A-Z]/gm)].map(([, name = ""]) => name);
    expect(commands.length).toBeGreaterThan(10);
    expect(commands.filter((name) => !new RegExp(`\`(?:petit )?${name}[\` ]`).test(README))).toEqual([]);
  });
});
