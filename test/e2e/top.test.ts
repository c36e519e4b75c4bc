import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PETIT, petit as runPetit } from "../support/cli.ts";
import { ask } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { isInstalled } from "../support/runtime-command.ts";
import { spoilingProxy } from "../support/terminal/spoiling-proxy.ts";
import { Tmux, type TmuxOptions } from "../support/terminal/tmux.ts";
import { endOf } from "../support/torture/run.ts";

const LIMIT_MS = 60_000;

const JOBS = {
  "etl.yaml": `id: etl
tasks:
  - {id: extract, type: shell, script: "echo extracting"}
  - {id: transform, type: shell, script: "echo 'ConnectionError: db refused' >&2; exit 3", depends_on: [extract]}
  - {id: load, type: shell, script: "true", depends_on: [transform]}
  - {id: cleanup, type: shell, script: "seq 300", depends_on: [load], condition: all_done}
`,
  "loud.yaml": `id: loud
tasks:
  - id: print
    type: shell
    script: |
      i=0
      while [ -e "$PETIT_JOBS_DIR" ] || [ $i -lt 100000 ]; do i=$((i+1)); echo "line $i 日本語"; sleep 0.01; done
`,
  "greet.yaml": `id: greet
params:
  who: {description: Whom to greet, required: true}
tasks:
  - {id: hello, type: shell, script: 'echo "hello $PETIT_PARAM_WHO"'}
`,
};

/** Starts the dashboard in a new terminal, and waits for its first screen. */
const open = async (url: string, options: TmuxOptions = {}): Promise<Tmux> => {
  const terminal = new Tmux(options);
  terminal.run("clear; echo before");
  await terminal.until(/^before$/m);
  terminal.run(topCommand(url));
  await terminal.until("q quit");
  return terminal;
};

/**
 * Returns a line for the shell that runs the dashboard, and then writes its exit status. A second shell does this, because an
 * interactive one does not continue a line after SIGINT.
 */
const topCommand = (url: string): string => {
  const words = [...PETIT, "top", "--url", url].join(" ");
  return `sh -c 'sh -c "echo \\$\\$ > pid; exec ${words}"; echo status $?'`;
};

const pidIn = ({ dir }: Tmux): number => Number(readFileSync(join(dir, "pid"), "utf8"));

const RESTORED = { alternateScreen: false, cursor: true, mouse: false };

/** Expects that the terminal is as it was before the dashboard. */
const expectRestored = async (terminal: Tmux, status: number): Promise<string> => {
  const screen = await terminal.until(`status ${status}`);
  expect(screen).toMatch(/^before$/m);
  expect(screen).not.toContain("q quit");
  expect(terminal.modes).toEqual(RESTORED);
  terminal.run("stty -a | sed -n 's/.* \\(icanon\\) .* echo .*/modes: \\1/p'");
  await terminal.until("modes: icanon");
  return screen;
};

const name = isInstalled("tmux") ? "petit top" : "petit top, which tests need tmux for";

describe.skipIf(!isInstalled("tmux"))(name, () => {
  let petit: Petit;

  beforeAll(async () => {
    petit = await startPetit({ jobs: JOBS });
    const { body } = await ask(petit, "/api/jobs/etl/trigger", { method: "POST" });
    await endOf(petit, body.run_id);
  }, LIMIT_MS);

  afterAll(async () => {
    await petit[Symbol.asyncDispose]();
  }, LIMIT_MS);

  test.each(["q", "C-c"])(
    "restores the terminal after the key %s",
    async (key) => {
      using terminal = await open(petit.url);
      expect(terminal.modes).toEqual({ alternateScreen: true, cursor: false, mouse: true });
      terminal.press(key);
      await expectRestored(terminal, 0);
    },
    LIMIT_MS,
  );

  test.each([
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGINT", 130],
  ] as const)(
    "restores the terminal after %s, and ends by it",
    async (signal, status) => {
      using terminal = await open(petit.url);
      process.kill(pidIn(terminal), signal);
      await expectRestored(terminal, status);
    },
    LIMIT_MS,
  );

  test.each([
    [
      "an event that can't be read",
      "/api/events",
      { type: "text/event-stream", text: "event: run.started\ndata: {\n\n" },
    ],
    ["an error while it draws", "/api/jobs", { type: "application/json", text: '{"jobs":[{"id":null}],"count":1}' }],
  ])(
    "restores the terminal after a crash: %s",
    async (_, path, answer) => {
      await using proxy = await spoilingProxy(petit.url);
      using terminal = await open(proxy.url);
      proxy.spoil(path, answer);
      expect(await expectRestored(terminal, 1)).toContain("petit: internal error: ");
    },
    LIMIT_MS,
  );

  test(
    "shows a failing job with its reason, and the log of the failed task with one key",
    async () => {
      using terminal = await open(petit.url);
      const overview = await terminal.until("transform: ConnectionError: db refused");
      expect(overview).toContain("1 Needs attention 1");
      terminal.press("Enter");
      const run = await terminal.until(/^ {2}\S+ ConnectionError: db refused$/m);
      expect(run).toContain("task 'transform' failed: exit code 3");
      expect(run).toMatch(/› [├└] ✗ transform/);
    },
    LIMIT_MS,
  );

  test(
    "triggers a job with params, follows its log, cancels and retries it",
    async () => {
      using terminal = await open(petit.url, { columns: 110 });
      terminal.type("2/greet");
      await terminal.until("2 Jobs 1/3");
      terminal.press("Enter");
      terminal.type("t");
      await terminal.until("Run greet with these params?");
      terminal.type("world");
      terminal.press("Enter");
      await terminal.until(/^ {2}\S+ hello world$/m);
      terminal.press("Escape");
      await terminal.until("2 Jobs 1/3");
      terminal.press("Escape");
      await terminal.until("2 Jobs 3 ");
      terminal.type("/loud");
      terminal.press("Enter");
      terminal.type("t");
      await terminal.until("Run loud now?");
      terminal.press("Enter");
      await terminal.until(/^(?![\s\S]*Run loud now\?)/);
      terminal.type("t");
      await terminal.until("Run loud now?");
      terminal.type("y");
      await terminal.until(/line 50 日本語/);
      terminal.type("c");
      await terminal.until("Cancel the run of loud?");
      terminal.type("y");
      await terminal.until(/■ cancelled/);
      terminal.type("r");
      await terminal.until("Retry the run of loud?");
      terminal.type("y");
      await terminal.until(/● running .*as a retry/);
      terminal.type("cy");
      await terminal.until(/■ cancelled .*as a retry/);
    },
    LIMIT_MS,
  );

  test(
    "fits a terminal that changes its size, and follows the mouse",
    async () => {
      using terminal = await open(petit.url);
      terminal.resize(160, 50);
      await terminal.until(/1 Needs attention .*│─ 3 Runs/);
      terminal.resize(80, 24);
      await terminal.until(/2 Jobs 3 {2}3 Runs/);
      terminal.click(14, 4);
      await terminal.until(/✗ etl .*task 'transform' failed/);
      terminal.resize(30, 24);
      await terminal.until("the terminal has 30×24");
    },
    LIMIT_MS,
  );

  test(
    "gives the terminal back with Ctrl-Z, and goes on with fg",
    async () => {
      using terminal = new Tmux({ shell: "/bin/sh -m" });
      terminal.run("clear; echo before");
      await terminal.until(/^before$/m);
      terminal.run([...PETIT, "top", "--url", petit.url].join(" "));
      await terminal.until("q quit");
      terminal.press("C-z");
      expect(await terminal.until(/Stopped|Suspended/)).not.toContain("q quit");
      expect(terminal.modes).toEqual(RESTORED);
      terminal.run("fg");
      await terminal.until("q quit");
      expect(terminal.modes).toEqual({ alternateScreen: true, cursor: false, mouse: true });
      terminal.type("?");
      await terminal.until("type to search");
    },
    LIMIT_MS,
  );

  test(
    "shows no colours with NO_COLOR",
    async () => {
      using coloured = await open(petit.url);
      expect(coloured.screen({ styles: true })).toContain("\u001b[31m");
      // Variables of a build server, and of ink's own development, change nothing.
      using plain = await open(petit.url, { env: { NO_COLOR: "1", CI: "1", DEV: "true" } });
      plain.press("q");
      expect(await expectRestored(plain, 0)).not.toContain("package.json");
      plain.run(topCommand(petit.url));
      await plain.until("q quit");
      expect(plain.screen({ styles: true })).not.toMatch(/\u001b\[[\d;]*3[0-7]m/);
    },
    LIMIT_MS,
  );

  test(
    "shows that petit is away, and goes on when it is back",
    async () => {
      await using first = await startPetit({ jobs: JOBS });
      using terminal = await open(first.url);
      await first.stop();
      await terminal.until(/CONNECTION LOST for \d+s: petit does not answer; connecting again/);
      const port = new URL(first.url).port;
      await using second = await startPetit({ dir: first.dir, args: ["--api-port", port] });
      await terminal.until(/^ petit .* on /m);
      const { body } = await ask(second, "/api/jobs/etl/trigger", { method: "POST" });
      await endOf(second, body.run_id);
      await terminal.until("1 Needs attention 1");
    },
    LIMIT_MS,
  );

  test(
    "says what to do without a terminal that can move its cursor",
    async () => {
      using terminal = new Tmux();
      terminal.run(`TERM=dumb ${topCommand(petit.url)}`);
      const screen = await terminal.until("status 2");
      expect(screen.replaceAll(/\s+/g, " ")).toContain("TERM is 'dumb'; use 'petit runs'");
    },
    LIMIT_MS,
  );
});

test("petit top says what to do without a terminal", async () => {
  expect(await runPetit(["top"])).toEqual({
    status: 2,
    stdout: "",
    stderr:
      "petit: petit top needs a terminal, and stdout is none; use 'petit runs', 'petit status RUN' and 'petit logs RUN' instead\n",
  });
});
