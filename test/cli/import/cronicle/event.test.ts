import { describe, expect, test } from "bun:test";
import { petit, tempFolder } from "../../../support/cli.ts";

type Map = Readonly<Record<string, unknown>>;

type Export = {
  readonly events: readonly Map[];
  readonly plugins?: readonly Map[];
  readonly categories?: readonly Map[];
};

const SHELL = {
  id: "shellplug",
  enabled: 1,
  command: "bin/shell-plugin.js",
  params: [{ id: "script", value: "true" }],
};

/** Returns an export in the form that `control.sh export` writes. */
const exportOf = ({ events, plugins = [SHELL], categories = [] }: Export): string =>
  [
    `global/plugins/0 - ${JSON.stringify({ type: "list_page", items: plugins })}`,
    `global/categories/0 - ${JSON.stringify({ type: "list_page", items: categories })}`,
    `global/schedule/-1 - ${JSON.stringify({ type: "list_page", items: events })}`,
    "",
  ].join("\n");

const event = (fields: Map = {}): Map => ({
  id: "e",
  title: "e",
  enabled: 1,
  category: "general",
  plugin: "shellplug",
  timing: { minutes: [0], hours: [6] },
  timezone: "UTC",
  params: { script: "true" },
  ...fields,
});

const imported = (source: Export, ...flags: readonly string[]) =>
  petit(["import", "cronicle", "-", ...flags], { stdin: exportOf(source) });

/** Imports the events, checks them with `petit validate`, and runs `petit trigger` for one. */
const triggered = async (source: Export, id: string) => {
  using folder = tempFolder();
  const options = { cwd: folder.path };
  const { status, stderr } = await petit(["import", "cronicle", "-", "-o", "jobs"], {
    ...options,
    stdin: exportOf(source),
  });
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  expect((await petit(["validate", "jobs"], options)).status).toBe(0);
  return await petit(["trigger", "jobs", id], options);
};

describe("an imported event of Cronicle", () => {
  test("is disabled if its plugin or its category is, as Cronicle starts neither", async () => {
    const { stdout, stderr } = await imported({
      events: [event({ category: "off" }), event({ id: "f", title: "f", plugin: "own" })],
      plugins: [SHELL, { id: "own", enabled: 0, command: "/bin/true" }],
      categories: [{ id: "off", title: "Off", enabled: 0 }],
    });
    expect(stdout.match(/^enabled: false$/gm)).toHaveLength(2);
    expect(stderr).toContain("stdin:3: category: off: the category is not enabled, so the job is not\n");
    expect(stderr).toContain("stdin:3: plugin: own: the plugin is not enabled, so the job is not\n");
  });

  test("that is not enabled runs after others, but not by its timing", async () => {
    const { stdout, stderr } = await imported({
      events: [
        event({ chain: "f" }),
        event({ id: "f", title: "f", enabled: 0, timing: { minutes: [5] }, catch_up: 1 }),
      ],
    });
    const [, second = ""] = stdout.split("---\n");
    expect(second).toContain("job: e\n");
    expect(second).not.toMatch(/^(?:enabled|schedule):/m);
    expect(stderr).toContain(
      'left out: timing: {"minutes":[5]}: the event is not enabled: it runs only after others, and so does the job',
    );
  });

  test("has the mails, the web hook and the limits of its category, unless it has its own", async () => {
    const category = {
      id: "db",
      title: "Database",
      enabled: 1,
      max_children: 2,
      notify_fail: "ops@example.com",
      web_hook: "https://hooks.example.com/c",
      memory_limit: 2 ** 29,
      memory_sustain: 20,
    };
    const { stdout, stderr } = await imported(
      {
        events: [
          event({ category: "db" }),
          event({ id: "f", title: "f", category: "db", memory_limit: 2 ** 30, notify_fail: "me@example.com" }),
        ],
        categories: [category],
      },
      "--smtp",
      "localhost",
    );
    const [first = "", second = ""] = stdout.split("---\n");
    expect(first).toContain("- ops@example.com\n");
    expect(first).toContain("url: https://hooks.example.com/c\n");
    expect(first).toContain("memory: 524288KiB\n");
    expect(second).toContain("- me@example.com\n");
    expect(second).toContain("memory: 1048576KiB\n");
    expect(stderr).toContain("left out: memory_sustain: 20:");
    expect(stderr).toContain("left out: category: db: at most 2 of all its events run at once;");
  });

  test("has the params of its plugin that it leaves out, and those that are hidden", async () => {
    const { stdout } = await imported({
      events: [event({ plugin: "own", params: { level: "high", token: "old" } })],
      plugins: [
        {
          id: "own",
          enabled: 1,
          command: "/opt/tool",
          cwd: "/opt",
          env: { MODE: "fast" },
          params: [
            { id: "level", value: "low" },
            { id: "who", value: "me" },
            { id: "token", type: "hidden", value: "new" },
          ],
        },
      ],
    });
    expect(stdout).toContain(
      "    environment:\n      MODE: fast\n      LEVEL: high\n      TOKEN: new\n      WHO: me\n",
    );
    expect(stdout).toContain("    working_dir: /opt\n");
  });

  test("of a copy of the Shell Script plugin runs its script, in the folder of the plugin", async () => {
    const { stdout, stderr } = await imported({
      events: [event({ plugin: "p1", params: { script: "echo hi" } })],
      plugins: [{ id: "p1", enabled: 1, command: "bin/shell-plugin.js", cwd: "/srv", uid: "www-data", params: [] }],
    });
    expect(stdout).toContain("    script: |\n      echo hi\n    working_dir: /srv\n");
    expect(stderr).toContain("left out: plugin: p1: the plugin has uid www-data; `run_as` names a user");
  });

  test("names a plugin whose command is in the folder of Cronicle, and the variables that Cronicle would put in", async () => {
    const { stderr } = await imported({
      events: [
        event({ plugin: "own", params: { where: "$HOME/x" } }),
        event({ id: "f", title: "f", params: { script: "echo $JOB_ID" } }),
      ],
      plugins: [SHELL, { id: "own", enabled: 1, command: "bin/mine.js", params: [{ id: "where", value: "" }] }],
    });
    expect(stderr).toContain("left out: plugin: own: bin/mine.js is in the folder of Cronicle,");
    expect(stderr).toContain(
      "left out: where: $HOME/x: Cronicle puts the value of another variable in; petit does not",
    );
    expect(stderr).toContain("left out: script: echo $JOB_ID: petit does not set JOB_ID;");
  });

  test("says what is different where the clock changes", async () => {
    const { stderr } = await imported({
      events: [
        event({ timing: { minutes: [30], hours: [2] }, timezone: "Europe/Berlin" }),
        event({ id: "f", title: "f", timing: { minutes: [30], hours: [12] }, timezone: "Europe/Berlin" }),
      ],
    });
    const zone = "the clock of Europe/Berlin";
    expect(stderr.split("\n").filter((line) => line.includes(zone))).toEqual([
      `stdin:3: timing: {"minutes":[30],"hours":[2]}: a time that ${zone} skips runs right after it; Cronicle leaves it out`,
      `stdin:3: timing: {"minutes":[30],"hours":[2]}: in the hour that ${zone} repeats, it runs once; Cronicle runs it twice`,
    ]);
  });

  test("has no schedule if a list has only values that never come", async () => {
    const { stdout, stderr } = await imported({
      events: [event({ timing: { minutes: [5.5] } }), event({ id: "f", title: "f", timing: { minutes: [5.5, 10] } })],
    });
    const [first = "", second = ""] = stdout.split("---\n");
    expect(first).not.toContain("schedule:");
    expect(stderr).toContain('left out: timing: {"minutes":[5.5]}: its minutes never come, so the event is never due');
    expect(second).toContain("cron: 10 * * * *\n");
  });

  test("waits for a run that goes on if it catches up, as Cronicle tries again each minute", async () => {
    const { stdout } = await imported({ events: [event({ catch_up: 1, max_children: 1 })] });
    expect(stdout).toContain("max_concurrency: 1\non_overlap: queue\n");
  });

  test("names a chain that leads back to its event, and becomes a valid job", async () => {
    const events = [
      event({ id: "a", title: "a", chain: "b" }),
      event({ id: "b", title: "b", chain_error: "c" }),
      event({ id: "c", title: "c", chain: "a" }),
      event({ id: "d", title: "d", chain: "d" }),
    ];
    const { stderr } = await imported({ events });
    expect(stderr.split("\n").filter((line) => line.includes("leads back"))).toEqual([
      "stdin:3: left out: chain: a: a leads back to this event; petit refuses jobs that start each other without end",
      "stdin:3: left out: chain: d: d leads back to this event; petit refuses jobs that start each other without end",
    ]);
    expect((await triggered({ events }, "d")).status).toBe(0);
  });

  test("may have a title, notes and a script that no job file can have", async () => {
    const { stdout, stderr } = await imported({
      events: [
        event({ title: "\u202ea\tb\n", notes: "bell \u0007, ${{ x }}" }),
        event({ id: "f", title: "f", params: { script: "echo \0" } }),
      ],
    });
    expect(stdout).toContain("name: a b\n");
    expect(stdout).toContain("description: bell  , ${{ x }}\n");
    expect(stderr).toContain("title: \\u{202e}a\\u{9}b: characters that can't be shown are blanks");
    expect(stderr).toContain(
      "left out: script: echo \\u{0}: a script of petit has no character U+0000; the task fails until you write it",
    );
  });

  test("names numbers that no job can have, and a first line with which Cronicle could not start a script", async () => {
    const { status, stdout, stderr } = await imported({
      events: [
        event({ max_children: 1.5, retries: 1e9, timeout: 1e300, cpu_limit: 1e12, category: "c" }),
        event({ id: "f", title: "f", params: { script: "#!/bin/sh\r\ntrue\r\n" } }),
      ],
      categories: [{ id: "c", title: "x".repeat(99), enabled: 1 }],
    });
    expect({ status, concurrency: /max_concurrency: .*/.exec(stdout)?.[0] }).toEqual({
      status: 0,
      concurrency: "max_concurrency: 2",
    });
    expect(stderr.match(/left out: (?:retries|timeout|cpu_limit): \S+: expected a number up to \d+/g)).toHaveLength(3);
    expect(stderr).toContain("its first line ends with a carriage return, with which Cronicle can't start it");
  });

  test("completes if its script is empty", async () => {
    expect((await triggered({ events: [event({ params: { script: " \n" } })] }, "e")).status).toBe(0);
  });

  test("runs a script with a template in it by its first line", async () => {
    const script = "#!/usr/bin/env perl\nuse strict;\nprint '<${{ x }}>', \"\\n\";\n";
    const { status, stdout } = await triggered({ events: [event({ params: { script } })] }, "e");
    expect({ status, found: stdout.includes("<${{ x }}>") }).toEqual({ status: 0, found: true });
  });

  test("passes the value of a variable to its command as one word", async () => {
    const plugin = {
      id: "own",
      enabled: 1,
      command: "/usr/bin/printf '<%s>' $WHO \"$WHO\" '$WHO'",
      params: [{ id: "who", value: "" }],
    };
    const { stdout } = await triggered(
      { events: [event({ plugin: "own", params: { who: "you and I" } })], plugins: [plugin] },
      "e",
    );
    expect(stdout).toContain("<you and I><you and I><$WHO>");
  });
});

describe("an imported request of Cronicle", () => {
  const request = (params: Map, fields: Map = {}) =>
    imported({ events: [event({ plugin: "urlplug", params, ...fields })] });

  test("has no body unless its method is POST, as Cronicle sends none", async () => {
    const { stdout } = await request({ method: "GET", url: "https://example.com/", data: "x", follow: 1 });
    expect(stdout).not.toContain("body");
  });

  test("has the user and password of its URL in a header", async () => {
    const { stdout, stderr } = await request({ url: "HTTPS://me:p%40ss@example.com/a?b", follow: 1 });
    expect(stdout).toContain("url: https://example.com/a?b\n");
    expect(stdout).toContain(`Authorization: Basic ${Buffer.from("me:p@ss").toString("base64")}\n`);
    expect(stderr).toContain("its user and password are in the header Authorization");
  });

  test("keeps the headers that a request can carry, the last of each name", async () => {
    const headers = "X-A: one\r\nContent-Length: 5\nx-a: two\nX-Empty:\nbad name: x\nX-Star: ☆";
    const { stdout, stderr } = await request({ url: "https://example.com/", headers, follow: 1 });
    expect(stdout).toContain("    headers:\n      x-a: two\n");
    expect(
      stderr.match(
        /: (?:Content-Length: petit sets it itself|bad name: a request can't carry it|X-Star: a request can't carry it)$/gm,
      ),
    ).toHaveLength(3);
    expect(stdout).not.toMatch(/^ +X-Empty:/m);
  });

  test("ends after the shorter one of its timeouts", async () => {
    const { stdout } = await request({ url: "https://example.com/", timeout: "30", follow: 1 }, { timeout: 3600 });
    expect(stdout).toContain("timeout: 30s\n");
  });

  test("names redirects, placeholders and timeouts that petit treats in another way", async () => {
    const { stderr } = await request({ url: "https://example.com/?at=[now]", idle_timeout: 7 });
    expect(stderr).toContain("stdin:3: follow: petit follows redirects; Cronicle takes one as a success\n");
    expect(stderr).toContain("left out: url: https://example.com/?at=[now]: petit replaces no [NAME] in it");
    expect(stderr).toContain("left out: idle_timeout: 7: `timeout` is for a whole request");
  });
});
