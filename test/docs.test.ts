import { describe, expect, test } from "bun:test";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Page, readPages, tableNamesOf, withTables } from "../scripts/tables/page.ts";
import { generatedTables } from "../scripts/tables/tables.ts";
import { COMMANDS } from "../src/cli/commands.ts";
import { EXIT } from "../src/cli/exit.ts";
import { commandHelp } from "../src/cli/help/help.ts";
import type { Screen } from "../src/cli/terminal/terminal.ts";
import { DEPENDENCY_CONDITIONS } from "../src/domain/dependency.ts";
import { EVENT_TYPES } from "../src/domain/event.ts";
import { TASK_CONDITIONS } from "../src/domain/graph.ts";
import { TASK_TYPES } from "../src/domain/job.ts";
import { NOTIFY_EVENTS, NOTIFY_TYPES } from "../src/domain/notification.ts";
import { REASONS, RUN_STATUSES } from "../src/domain/run.ts";
import { parseExpression } from "../src/domain/schedule/expression.ts";
import { MISS_REASONS, OUTCOMES, SKIP_REASONS } from "../src/domain/schedule/occurrence.ts";
import { configVariable, paramVariable, TASK_VARIABLES } from "../src/domain/task-environment.ts";
import { TASK_STATUSES } from "../src/domain/task-run.ts";
import { EVENT_HEADER, SENDING_HEADER } from "../src/engine/notify/services/notify-service.ts";
import { SIGNATURE_HEADER } from "../src/engine/notify/services/webhook.ts";
import { REFERENCE_FORMS } from "../src/jobfile/template.ts";
import { blocksOf, listOf } from "./support/documentation.ts";

const ROOT = join(import.meta.dirname, "..");
const pages = readPages();

/** The hand-written tables whose first column lists what the code has. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  conditions: [...TASK_CONDITIONS, "always"],
  events: EVENT_TYPES,
  "exit-statuses": Object.values(EXIT).map(String),
  "gate-conditions": DEPENDENCY_CONDITIONS,
  "notification-events": NOTIFY_EVENTS,
  "notification-types": NOTIFY_TYPES,
  "occurrence-reasons": [...SKIP_REASONS, ...MISS_REASONS],
  outcomes: OUTCOMES,
  reasons: REASONS,
  "run-statuses": RUN_STATUSES,
  "task-statuses": TASK_STATUSES,
  "task-types": TASK_TYPES,
  templates: REFERENCE_FORMS.split(", "),
  variables: [...TASK_VARIABLES, paramVariable("name"), configVariable("key")],
  "webhook-headers": [EVENT_HEADER, SENDING_HEADER, SIGNATURE_HEADER],
};

/** Tables that other tests check: `expressions` below, `imports` in house.test.ts, the others with a running petit. */
const CHECKED_ELSEWHERE = ["calendars", "expressions", "imports", "metrics", "webhook-fields"];

const allText = pages.map(({ text }) => text).join("\n");

describe("the documentation", () => {
  test("has up-to-date generated tables", async () => {
    const tables = await generatedTables();
    const outdated = pages.filter((page) => withTables(page, tables) !== page.text);
    // scripts/docs updates them.
    expect(outdated.map(({ path }) => path)).toEqual([]);
    expect(pages.flatMap(tableNamesOf).sort()).toEqual(Object.keys(tables).sort());
  });

  test.each(Object.keys(LISTS))("lists all %s, and nothing else", (name) => {
    expect([...listOf(pages, name)].sort()).toEqual([...(LISTS[name] ?? [])].sort());
  });

  test("has a test for every table that is marked as tested", () => {
    const names = [...allText.matchAll(/<!-- tested: ([\w-]+) -->/g)].map(([, name]) => name);
    expect(names.sort()).toEqual([...Object.keys(LISTS), ...CHECKED_ELSEWHERE].sort());
  });

  test("shows only valid cron expressions", () => {
    const expressions = listOf(pages, "expressions");
    expect(expressions.length).toBeGreaterThan(5);
    expect(expressions.filter((text) => parseExpression(text).kind === "wrong")).toEqual([]);
  });

  test("has no broken links between its files", () => {
    expect(pages.flatMap(brokenLinks)).toEqual([]);
  });

  test("names only paths that exist", () => {
    const architecture = pages.find(({ path }) => path === "ARCHITECTURE.md")?.text ?? "";
    const paths = [...architecture.matchAll(/`((?:src|test|scripts|docs|examples)\/[\w./-]*)/g)].map(
      ([, path = ""]) => path,
    );
    expect(paths.length).toBeGreaterThan(60);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)) && !path.includes("NNNN"))).toEqual([]);
  });

  test("names each function and class in the file that it says", () => {
    const architecture = pages.find(({ path }) => path === "ARCHITECTURE.md")?.text ?? "";
    const named = [...architecture.matchAll(/`(\w+)`\s+\(`(src\/[^`]+)`\)/g)];
    expect(named.length).toBeGreaterThan(20);
    const wrong = named.filter(
      ([, name = "", path = ""]) =>
        !new RegExp(`^(?:export )?(?:const|class|interface|type) ${name}\\b`, "m").test(
          readFileSync(join(ROOT, path), "utf8"),
        ),
    );
    expect(wrong.map(([text]) => text)).toEqual([]);
  });

  test("uses only flags that the command has", () => {
    const uses = pages.flatMap(({ text }) => blocksOf(text, "sh", "console")).flatMap(flagUses);
    expect(uses.length).toBeGreaterThan(5);
    const screen: Screen = {
      isTerminal: false,
      color: false,
      movesCursor: false,
      columns: () => 80,
      rows: () => 24,
      write: () => {},
    };
    const helps = new Map(COMMANDS.map((command) => [command.name, commandHelp(command, screen)]));
    expect(uses.filter(({ command, flag }) => !new RegExp(`${flag}\\b`).test(helps.get(command) ?? ""))).toEqual([]);
  });

  test("reads a token with a command that knows files with a token for each person", () => {
    const files = globSync(["README.md", "docs/*.md", "examples/**/*.*", "src/**/*.ts"], { cwd: ROOT });
    expect(files.length).toBeGreaterThan(100);
    const wrong = files.filter((path) =>
      /(?:Bearer |TOKEN=)"?\$\((?:sudo )?cat\b/.test(readFileSync(join(ROOT, path), "utf8")),
    );
    expect(wrong).toEqual([]);
  });

  test("starts with the two commands that a newcomer needs", () => {
    const readme = pages.find(({ path }) => path === "README.md")?.text ?? "";
    const [first = ""] = blocksOf(readme, "sh");
    expect(first.split("\n").map((line) => line.replace(/ {2,}#.*/, ""))).toEqual([
      "scripts/petit run examples/jobs",
      "scripts/test",
      "",
    ]);
  });
});

/** Returns the links of a page whose file or heading does not exist. */
const brokenLinks = ({ path, text }: Page): readonly string[] =>
  [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)]
    .map(([, link = "", attribute = ""]) => link || attribute)
    .filter((link) => !/^(https?:|mailto:)/.test(link))
    .filter((link) => {
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? join(ROOT, path) : join(ROOT, dirname(path), file);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(target, "utf8")).includes(anchor);
    })
    .map((link) => `${path}: ${link}`);

/** Returns the anchors that GitHub gives to the headings. */
const anchorsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );

/** Returns every long flag with the petit command before it. */
const flagUses = (block: string): readonly { readonly command: string; readonly flag: string }[] =>
  [...block.matchAll(/\bpetit ([^\n|;#]*)/g)].flatMap(([, line = ""]) => {
    const command = line.split(/\s+/).find((word) => COMMANDS.some(({ name }) => name === word));
    const flags = [...line.matchAll(/(?<=^|\s)--[a-z][a-z-]*/g)].map(([flag]) => flag);
    return command === undefined ? [] : flags.map((flag) => ({ command, flag }));
  });
