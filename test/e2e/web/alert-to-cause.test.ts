import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import type { Locator, Page } from "playwright-core";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { cleanEnvironment, PETIT } from "../../support/cli.ts";
import { hasNats, startNats } from "../../support/nats/server.ts";
import { ask, runToEnd, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { type Receiver, receiver } from "../../support/receiver.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endOf, eventually } from "../../support/torture/run.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb } from "../../support/web/web.ts";
import { startWorkerProcess } from "../../support/workers/worker-process.ts";

/** From the alert to the line that explains a failure, for each kind of failure. */
const KINDS = {
  tail: "psql: error: connection to server at db-7 failed: Connection refused",
  noise: "tar: /srv/backup/orders.tar: Cannot open: No space left on device",
  parent: "KeyError: 'customer_id'",
  items: "curl: (7) Failed to connect to web-3 port 443: Connection refused",
  late: "timed out",
  killed: "SIGKILL",
  missing: "load-orders-v2",
  lost: "A worker was out of reach for too long, and a task was lost.",
} as const;
type Kind = keyof typeof KINDS;

/** The lines where a terminal has other words than the page. */
const IN_TERMINAL: Partial<Record<Kind, string>> = { lost: "worker" };

/** A task that runs a script, as in a job file. */
const shell = (id: string, script: string, more: object = {}) => ({ id, type: "shell", script, ...more });

/** Prints a line to stderr. */
const complain = (line: string): string => `cat >&2 <<'END'\n${line}\nEND\n`;

const tasksOf = (dir: string) => ({
  tail: [shell("load", `seq 400\n${complain(KINDS.tail)}exit 2`, { retry: { max_attempts: 2 } })],
  // The 100th task prints 9 MB before the error, and much after it.
  noise: [
    ...Array.from({ length: 99 }, (_, index) => ({ id: `check_${index}`, type: "command", command: "true" })),
    shell(
      "backup",
      `yes "a line of output that is as long as lines are" | head -n 200000
      ${complain(KINDS.noise)}for i in $(seq 60); do echo "cleanup: removed /tmp/part.$i"; done
      echo "cleanup finished, exit" >&2; exit 1`,
    ),
  ],
  parent: [{ id: "load_all", type: "job", job: "child" }],
  child: [
    shell(
      "parse",
      `${complain(`Traceback (most recent call last):\n  File "a.py", line 3, in main\n${KINDS.parent}`)}exit 1`,
    ),
  ],
  items: [
    shell("probe", `[ $HOST != web-3 ] || { ${complain(KINDS.items)}exit 7; }`, {
      foreach: ["web-1", "web-2", "web-3", "web-4"],
      environment: { HOST: "${{ item }}" },
    }),
  ],
  late: [shell("wait", 'echo "waiting for the lock"; exec sleep 60', { timeout: "500ms" })],
  killed: [shell("crunch", 'echo "crunching"; kill -9 $$')],
  missing: [{ id: "load", type: "command", command: KINDS.missing }],
  lost: [shell("train", `touch ${dir}/begun; exec sleep 600`)],
});

const jobs = (hook: string, dir: string) => ({
  "jobs.yaml": Object.entries(tasksOf(dir))
    .map(([id, tasks]) =>
      JSON.stringify({
        id,
        notify: [{ type: "webhook", url: `${hook}/${id}`, on: ["failure"] }],
        ...(id === "lost" && { runs_on: ["gpu"] }),
        tasks,
      }),
    )
    .join("\n---\n"),
});

const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } } as const;

const isOnScreen = async (page: Page, element: Locator): Promise<boolean> => {
  const [box, size] = [await element.boundingBox(), page.viewportSize()];
  return box !== null && size !== null && box.y >= 0 && box.y + box.height <= size.height;
};

const hasScript = spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;

describe.skipIf(CHROMIUM === null || !hasNats("2.15"))("from the alert to the line that explains a failure", () => {
  const parts = new AsyncDisposableStack();
  const runs = new Map<Kind, string>();
  let petit: Petit;
  let hook: Receiver;

  beforeAll(async () => {
    const dir = parts.use(tempDir());
    const key = generateSigningKey();
    writeFileSync(dir.file("key"), formatSigningKey(key), { mode: 0o600 });
    hook = parts.use(receiver());
    const nats = parts.use(await startNats());
    petit = parts.use(
      await startPetit({
        jobs: jobs(hook.url, dir.path),
        args: ["--nats", nats.url, "--nats-signing-key", dir.file("key"), "--lost-after", "6s"],
        env: { PETIT_PUBLIC_URL: "https://petit.example.com" },
      }),
    );
    const worker = parts.use(
      startWorkerProcess({
        dir: dir.path,
        nats: nats.url,
        trust: key.publicKey,
        name: "box1",
        args: ["--on-shutdown", "leave"],
      }),
    );
    const lost = await start(petit, "lost");
    await eventually("the worker has begun", () => (existsSync(dir.file("begun")) ? true : null));
    worker.kill("SIGKILL");
    for (const kind of ["tail", "noise", "parent", "items", "late", "killed", "missing"] as const)
      runs.set(kind, (await runToEnd(petit, kind)).id);
    await endOf(petit, lost);
    runs.set("lost", lost);
    await eventually("all alerts arrived", () => (hook.received.length >= 9 ? true : null));
  }, 180_000);
  afterAll(() => parts.disposeAsync(), 60_000);

  const alertOf = (kind: Kind): string => {
    const { body } = hook.received.find(({ path }) => path === `/${kind}`) ?? { body: "{}" };
    return new URL(JSON.parse(body).url).href.replace("https://petit.example.com", "");
  };

  test.each(Object.entries(SIZES))(
    "is no click and no scrolling on a %s, from the notification and from Now",
    async (_, viewport) => {
      await using web = await openWeb({ url: petit.url, viewport });
      const { page } = web;
      await page.addInitScript("localStorage.setItem('petit.welcomed', 'yes')");
      const reached = async (kind: Kind): Promise<readonly unknown[]> => {
        const line = page.locator("main").getByText(KINDS[kind]).first();
        await line.waitFor();
        return [kind, await isOnScreen(page, line), await page.evaluate("scrollY")];
      };
      for (const [kind, id] of runs) {
        await web.open(alertOf(kind));
        expect(await reached(kind)).toEqual([kind, true, 0]);
        await web.open("/");
        const more = page.getByRole("button", { name: /^Show \d+ more$/ });
        const link = page.locator(`main a[href^="/runs/${id}"]`).first();
        await page.locator(".attention").waitFor();
        if (!(await link.isVisible()) && (await more.isVisible())) await more.click();
        await link.click();
        await page.waitForURL((url) => url.pathname === `/runs/${id}`);
        expect(await reached(kind)).toEqual([kind, true, 0]);
      }
      expect(web.complaints()).toEqual([]);
    },
    180_000,
  );

  test.skipIf(!hasScript)(
    "is two commands in a terminal of 80 × 24, and the line is whole",
    async () => {
      const terminal = (command: string): string => {
        const line = `stty cols 80 rows 24; ${PETIT.join(" ")} ${command}`;
        const env = { ...cleanEnvironment(petit.dir), PETIT_URL: petit.url, TERM: "xterm-256color" };
        const { stdout } = spawnSync("script", ["-qec", line, "/dev/null"], { env, encoding: "utf8" });
        return stripVTControlCharacters(stdout).replaceAll("\r", "");
      };
      const overview = terminal("status");
      expect(overview.trimEnd().split("\n").length).toBeLessThanOrEqual(24);
      for (const [kind, id] of runs) {
        const screen = terminal(`status ${id.slice(-8)}`)
          .trimEnd()
          .split("\n")
          .slice(-23);
        // A long line goes on in the next row, below the name of its task.
        const text = screen
          .map((line) => line.replace(/^.*│ /, ""))
          .join("")
          .replace(/\s+/g, "");
        const wanted = (IN_TERMINAL[kind] ?? KINDS[kind]).replace(/\s+/g, "");
        expect([kind, text.includes(wanted), text]).toEqual([kind, true, text]);
      }
      expect((await ask(petit, "/api/attention")).status).toBe(200);
    },
    60_000,
  );
});
