import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { readPages } from "../../scripts/tables/page.ts";
import { cleanEnvironment, textOf } from "../support/cli.ts";
import { blocksOf, listOf } from "../support/documentation.ts";
import { ask, runToEnd } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { receiver } from "../support/receiver.ts";
import { Tmux } from "../support/terminal/tmux.ts";

const ROOT = join(import.meta.dirname, "../..");
const pages = readPages();

/** Returns the text of a page. Throws if there is no such page. */
const pageText = (path: string): string => {
  const page = pages.find((each) => each.path === path);
  if (page === undefined) throw new Error(`there is no page ${path}`);
  return page.text;
};

const README = pageText("README.md");

/** A command and the lines that it prints. */
type Step = { readonly command: string; readonly output: readonly string[] };

/** Returns the commands of a session, each with its output. */
const steps = (text: string): readonly Step[] =>
  text
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const [command = "", ...output] = step.trimEnd().split("\n");
      return { command, output };
    });

/** Replaces ids and durations, which differ in each run. */
const settled = (line: string): string =>
  line
    .replaceAll(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b[0-9a-f]{8}\b/g, "ID")
    .replaceAll(/\b\d+(?:\.\d+)?(?:ms|s)\b/g, "TIME")
    // The width of a column depends on what the ids and times are.
    .replaceAll(/ {2,}/g, "  ");

/**
 * Copies the examples to a folder. A run of `import_rows` ends only when it is cancelled. It goes on writing, which ends commands whose
 * reader has gone. A retry runs as it is.
 */
const copyExamples = (dir: string): void => {
  cpSync(join(ROOT, "examples/jobs"), dir, { recursive: true });
  const path = join(dir, "import_rows.yaml");
  const text = readFileSync(path, "utf8");
  const waits = text.replace(
    /^( +)echo "row .*$/m,
    '$&\n$1while [ "$PETIT_TRIGGER" != retry ]; do sleep 0.2; echo more; done',
  );
  expect(waits).not.toBe(text);
  writeFileSync(path, waits);
};

let petit: Petit;
let bin: string;
let examples: string;
beforeAll(async () => {
  examples = mkdtempSync(join(tmpdir(), "petit-examples-"));
  copyExamples(examples);
  petit = await startPetit({ jobsDir: examples, args: ["--no-watch"] });
  bin = mkdtempSync(join(tmpdir(), "petit-bin-"));
  symlinkSync(join(ROOT, "dist/petit"), join(bin, "petit"));
});
afterAll(async () => {
  rmSync(bin, { recursive: true });
  rmSync(examples, { recursive: true });
  await petit[Symbol.asyncDispose]();
});

/** Runs a command line of a page. `petit` is the built executable and talks to the petit of these tests. */
const shell = async (command: string): Promise<string> => {
  const environment = cleanEnvironment(petit.dir);
  const child = spawn("sh", ["-c", `{ ${command}\n} 2>&1`], {
    cwd: petit.dir,
    env: { ...environment, PATH: `${bin}${delimiter}${environment.PATH}`, PETIT_URL: petit.url },
    stdio: ["ignore", "pipe", "ignore"],
  });
  return await textOf(child.stdout);
};

/** Runs a command line of a page in a terminal. Returns the lines on the screen after its end. */
const inTerminal = async (command: string): Promise<readonly string[]> => {
  const path = `${bin}${delimiter}${process.env.PATH}`;
  using terminal = new Tmux({ columns: 120, rows: 60, env: { PATH: path, PETIT_URL: petit.url } });
  await terminal.until(/[$#]/);
  // The quotes keep the typed line from looking like the end.
  terminal.run(`${command}; printf 'the ''end\\n'`);
  const lines = (await terminal.until(/^the end$/m)).split("\n");
  return lines.slice(1, lines.indexOf("the end")).map((line) => line.trimEnd());
};

describe("the documentation", () => {
  test("shows a session as it happens", async () => {
    const session = blocksOf(README, "console").flatMap(steps);
    expect(session.length).toBeGreaterThanOrEqual(6);
    for (const { command, output } of session) {
      const printed = await inTerminal(command);
      // The order of lines on stdout and stderr is not fixed.
      expect([command, printed.map(settled).sort()]).toEqual([command, output.map(settled).sort()]);
    }
    const { body } = await ask(petit, "/api/runs?limit=100");
    // Scheduled examples may run at a full minute.
    const triggered = body.runs.filter(({ trigger }: Record<string, string>) => trigger !== "schedule");
    expect(
      triggered.map(({ job_id, status, trigger }: Record<string, string>) => `${job_id} ${status} ${trigger}`),
    ).toEqual([
      "failing_job failed manual",
      "import_rows completed retry",
      "import_rows cancelled manual",
      "greet completed manual",
    ]);
    const tasks = await ask(petit, `/api/runs/${triggered[1].id}/tasks`);
    expect(tasks.body.tasks.map(({ reused }: { reused: boolean }) => reused)).toEqual([true, false]);
  }, 60_000);

  test("shows the response to a trigger", async () => {
    const shown = JSON.parse(blocksOf(README, "json")[0] ?? "");
    const response = await ask(petit, "/api/jobs/hello_world/trigger", { method: "POST" });
    expect({ ...response.body, run_id: shown.run_id }).toEqual(shown);
  });

  test("lists every operation of the API, every command and every topic", async () => {
    const { body } = await ask(petit, "/api/openapi.json");
    const paths = Object.keys(body.paths);
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => !pageText("docs/http-api.md").includes(`${path}\``))).toEqual([]);
    const [, commands = "", topics = ""] =
      /^Commands:\n([\s\S]*?)\n\nTopics:\n([\s\S]*?)\n\n/m.exec(await shell("petit --help")) ?? [];
    const namesIn = (rows: string): readonly string[] =>
      [...rows.matchAll(/^ {2}([a-z-]+) {2,}/gm)].map(([, name = ""]) => name);
    const commandLine = pageText("docs/command-line.md");
    expect(namesIn(commands).length).toBeGreaterThan(10);
    expect(namesIn(commands).filter((name) => !new RegExp(`\`petit ${name}[\` ]`).test(commandLine))).toEqual([]);
    expect(namesIn(topics).length).toBeGreaterThan(3);
    expect(namesIn(topics).filter((name) => !commandLine.includes(`\`${name}\``))).toEqual([]);
  });

  test("lists every metric of petit", async () => {
    const metrics = await (await petit.fetch("/metrics")).text();
    const names = [...metrics.matchAll(/^# TYPE (petit_\w+)/gm)].map(([, name = ""]) => name);
    expect([...listOf(pages, "metrics")].sort()).toEqual(names.sort());
  });

  test("lists every field of a webhook", async () => {
    await using server = receiver();
    const target = `{type: webhook, url: "${server.url}", on: [success]}`;
    const job = `id: told\nnotify: [${target}]\ntasks: [{id: only, type: command, command: "true"}]\n`;
    await using told = await startPetit({ jobs: { "told.yaml": job } });
    await runToEnd(told, "told");
    const [webhook] = await server.first(1);
    expect([...listOf(pages, "webhook-fields")].sort()).toEqual(Object.keys(JSON.parse(webhook?.body ?? "")).sort());
  }, 60_000);
});
