import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PETIT } from "../support/cli.ts";
import { runToEnd } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { isInstalled } from "../support/runtime-command.ts";
import { Tmux } from "../support/terminal/tmux.ts";

const PATH = `/srv/${"a_long_folder_name/".repeat(9)}orders.csv`;

const JOBS = Array.from(
  { length: 12 },
  (_, at) => `id: broken_${at}
schedule: "0 0 1 1 *"
tasks: [{id: load, type: shell, script: "echo \\"cp: cannot stat '${PATH}': No such file or directory\\" >&2; exit 3"}]
`,
).join("---\n");

const END = "Nosuchfileordirectory";

const name = isInstalled("tmux") ? "on a terminal of 80×24" : "on a terminal of 80×24, which tests need tmux for";

describe.skipIf(!isInstalled("tmux"))(name, () => {
  let petit: Petit;
  let runId: string;
  beforeAll(async () => {
    petit = await startPetit({ jobs: { "all.yaml": JOBS } });
    for (let at = 0; at < 12; at++) ({ id: runId } = await runToEnd(petit, `broken_${at}`));
  });
  afterAll(() => petit[Symbol.asyncDispose]());

  /** Returns the screen after a command, without the blanks between words and lines. */
  const screenAfter = async (args: string): Promise<{ readonly screen: string; readonly packed: string }> => {
    using terminal = new Tmux();
    terminal.run(`clear; ${PETIT.join(" ")} ${args} --url ${petit.url}; echo do''ne`);
    const screen = await terminal.until(/^done$/m);
    return { screen, packed: screen.replaceAll(/[\s│]+/g, "") };
  };

  test("petit status fits, says how many entries it hides, and shows the end of the error", async () => {
    const { screen, packed } = await screenAfter("status");
    expect(screen).toMatch(/^petit \S+ at http/);
    expect(screen).toMatch(/^… \d+ more; --all lists them$/m);
    expect(screen).toContain("✗ broken_");
    expect(packed).toContain(END);
  });

  test.each([
    ["status", () => `status ${runId}`],
    ["runs", () => "runs -n 3"],
    ["why", () => "why broken_11"],
    ["trigger", () => "trigger broken_11 --wait"],
  ])("petit %s shows the end of the error", async (_, args) => {
    expect((await screenAfter(args())).packed).toContain(END);
  });

  test("petit top shows the end of the error of each entry, all of the selected one, and how many it hides", async () => {
    using terminal = new Tmux();
    terminal.run(`${PETIT.join(" ")} top --url ${petit.url}`);
    const screen = await terminal.until("Needs attention 12");
    expect(screen).toMatch(/Needs attention 12 {2}\d+ below/);
    expect(screen.split("\n").filter((line) => /✗ broken_.*…/.test(line) && !line.endsWith("directory"))).toEqual([]);
    expect(screen.replaceAll(/\s+/g, "")).toContain(`orders.csv':${END}`);
    terminal.press("q");
  });

  describe("petit review", () => {
    const review = (args: string, env: Readonly<Record<string, string>>, rows = 24): Tmux => {
      const terminal = new Tmux({ env, rows });
      terminal.run(`clear; ${PETIT.join(" ")} review --since 1h ${args} --url ${petit.url}; echo do''ne`);
      return terminal;
    };

    test("shows what failed first, in a pager", async () => {
      using terminal = review("", { PAGER: "less" });
      const screen = await terminal.until(/^:$/m);
      expect(screen).toContain("Failed, and still broken (12)");
      expect(screen).not.toMatch(/^done$/m);
      terminal.press("q");
      await terminal.until(/^done$/m);
    });

    test.each([
      ["--no-pager", {}],
      ["", { PAGER: "" }],
      ["", { PAGER: "cat" }],
      ["", { PAGER: "/nothing/here" }],
    ])("with %j and %j is written at once", async (args, env) => {
      using terminal = review(args, { PAGER: "less", ...env });
      expect(await terminal.until(/^done$/m)).toContain("Waited longest");
    });

    test("that fits is written without a pager", async () => {
      using terminal = review("--tag nothing", { PAGER: "touch paged" }, 40);
      await terminal.until(/^done$/m);
      expect(existsSync(join(terminal.dir, "paged"))).toBe(false);
    });
  });
});
