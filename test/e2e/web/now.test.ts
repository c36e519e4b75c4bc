import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { setTimeout } from "node:timers/promises";
import type { Locator } from "playwright-core";
import { ask, post, runToEnd, start } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": `
id: two
name: Every two minutes
schedule: "@every 2m"
tasks: [{id: only, type: command, command: "true"}]
---
id: bad
tasks: [{id: only, type: command, command: "false"}]
---
id: busy
schedule: "@every 1s"
max_concurrency: 1
tasks: [{id: only, type: command, command: sleep, args: ["600"]}]
---
id: away
schedule: {cron: "* * * * * *", catchup: none}
tasks: [{id: only, type: command, command: "true"}]
---
id: long
name: Work with a name that is much longer than the column of the running runs
tasks: [{id: only, type: command, command: sleep, args: ["600"]}]
---
id: wait
params: {for: {default: "600"}}
tasks: [{id: only, type: command, command: sleep, args: ["\${{ params.for }}"]}]
`,
};

/** How long petit is down: long enough for some occurrences. */
const DOWN_MS = 2_500;

describe.skipIf(CHROMIUM === null)("the now view", () => {
  const running = sharedWeb(
    async () => {
      // A run may be running; do not wait for it.
      const first = await startPetit({ jobs: JOBS, args: ["--shutdown-timeout", "0s"] });
      await first.stop();
      await setTimeout(DOWN_MS);
      return await startPetit({ dir: first.dir });
    },
    (petit) => runToEnd(petit, "bad"),
  );
  const row = (name: string): Locator => running().web.page.locator(".time-row", { hasText: name });
  /** The description of the item that the arrow keys selected. */
  const described = (text: RegExp): Locator => running().web.page.getByRole("status").filter({ hasText: text });
  const bars = (name: string, status: string): Locator => row(name).locator(`path[data-status=${status}]`);

  test("describes past and upcoming runs, and why occurrences were skipped or missed", async () => {
    const { web } = running();
    const { page } = web;
    await web.open("/?zoom=15m");
    await bars("bad", "failed").waitFor();
    const name = (job: string): Locator => row(job).getByRole("link");
    await name("bad").press("ArrowLeft");
    await described(/^failed in \d+ ms/).waitFor();
    await page
      .getByRole("tooltip")
      .getByText(/^failed in/)
      .waitFor();
    await name("bad").press("Escape");
    await page.getByRole("tooltip").waitFor({ state: "detached" });
    // The job may have run in the meantime; upcoming occurrences are last.
    for (let step = 0; step < 6; step++) await name("Every two minutes").press("ArrowRight");
    await described(/^due in/).waitFor();
    // Backwards: an occurrence that is due in a second passes before it is described.
    await name("busy").press("ArrowLeft");
    await described(/skipped: an earlier run was still running|running/).waitFor();
    await row("busy")
      .getByRole("img", { name: /\d+ skipped, an earlier run was still running/ })
      .waitFor();
    const missed = row("away").locator("[data-outcome=missed]");
    const box = await missed.boundingBox();
    if (box === null) throw new Error("no mark is visible");
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page
      .getByRole("tooltip")
      .getByText(/missed: petit was not running/)
      .waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("opens the selected run", async () => {
    const { petit, web } = running();
    await web.open("/?zoom=15m");
    const { body } = await ask(petit, "/api/jobs/bad/runs");
    await row("bad").getByRole("link").press("ArrowLeft");
    await described(/^failed/).waitFor();
    await web.page.keyboard.press("Enter");
    await web.page.waitForURL(`**/runs/${body.runs[0].id}`);
  }, 30_000);

  test("does not overlap the label 'now' with another time", async () => {
    const { web } = running();
    for (const zoom of ["15m", "1h", "6h", "24h", "7d"]) {
      await web.open(`/?zoom=${zoom}`);
      expect([zoom, await web.page.evaluate(TIMES_ON_NOW)]).toEqual([zoom, 0]);
    }
  }, 60_000);

  test("draws a line below each time across a daylight saving change, and hides 'now' outside of the view", async () => {
    await using web = await openWeb(running().petit);
    const session = await web.page.context().newCDPSession(web.page);
    await session.send("Emulation.setTimezoneOverride", { timezoneId: "America/New_York" });
    await web.open(`/?zoom=24h&from=${Date.UTC(2026, 10, 1)}`);
    const { times, lines } = await web.page.evaluate<Axis>(AXIS);
    expect(times.length).toBeGreaterThan(5);
    for (const at of times) expect(lines.some((line) => Math.abs(line - at) < 2)).toBe(true);
    expect(await web.page.locator(".time-axis-now").isVisible()).toBe(false);
  }, 60_000);

  test("stores the zoom and the time in the URL", async () => {
    const { web } = running();
    const { page } = web;
    const pressed = (name: string): Promise<string | null> =>
      page.getByRole("button", { name, exact: true }).getAttribute("aria-pressed");
    await web.open("/");
    await page.locator(".time-row").first().waitFor();
    expect([await pressed("24 h"), await pressed("Now")]).toEqual(["true", "true"]);
    await page.getByRole("button", { name: "1 h", exact: true }).click();
    await page.waitForURL("**/?zoom=1h");
    await page.keyboard.press("+");
    await page.waitForURL("**/?zoom=15m");
    await page.keyboard.press("[");
    await page.waitForURL(/\?zoom=15m&from=\d+$/);
    expect(await pressed("Now")).toBe("false");
    await page.reload();
    await page.locator(".time-row").first().waitFor();
    expect([await pressed("15 min"), await pressed("Now")]).toEqual(["true", "false"]);
    await page.keyboard.press("n");
    await page.waitForURL("**/?zoom=15m");
    const box = await page.locator(".time-track").first().boundingBox();
    await page.mouse.move((box?.x ?? 0) + 200, box?.y ?? 0);
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, 240);
    await page.keyboard.up("Control");
    await page.waitForURL(/\?zoom=(1h|6h|24h)$/);
    await page.mouse.down();
    await page.mouse.move((box?.x ?? 0) + 320, box?.y ?? 0, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/from=\d+$/);
    await page.getByLabel("Show").selectOption("jobs with problems");
    await page.waitForURL(/show=trouble/);
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("shows the start, progress and end of a run without a reload", async () => {
    const { petit, web } = running();
    const { page } = web;
    await runToEnd(petit, "wait", { for: "0.2" });
    await web.open("/?zoom=15m&show=");
    await page.evaluate("window.isTheSame = true");
    await row("wait").getByRole("link").focus();
    await page.keyboard.press("r");
    const dialog = page.getByRole("dialog", { name: "Run wait" });
    await dialog.getByLabel("for").fill("600");
    await dialog.getByRole("button", { name: "Run now" }).click();
    await page.waitForURL("**/runs/*");
    await page.getByRole("link", { name: "Now", exact: true }).click();
    await bars("wait", "running").waitFor();
    const panel = page.getByRole("region", { name: /^Running/ });
    await panel.getByRole("progressbar", { name: "Progress of wait" }).waitFor();
    await panel
      .getByText(/, usually \d+ s/)
      .first()
      .waitFor();
    await panel.getByRole("button", { name: "Cancel wait" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the run" }).click();
    await bars("wait", "cancelled").waitFor();
    await page.mouse.move(0, 0);
    await panel.getByRole("link", { name: "wait" }).waitFor({ state: "detached" });
    await start(petit, "wait");
    await bars("wait", "running").waitFor();
    expect(await page.evaluate("window.isTheSame")).toBe(true);
  }, 60_000);

  test.each([1024, 390])(
    "keeps a long name of a running job apart from its elapsed time, at %d px",
    async (width) => {
      const { petit } = running();
      const id = await start(petit, "long");
      await using web = await openWeb({ url: petit.url, viewport: { width, height: 800 } });
      await web.open("/");
      const row = web.page.locator(`[data-run="${id}"]`);
      await row.scrollIntoViewIfNeeded();
      const [name, elapsed] = [
        await row.getByRole("link").boundingBox(),
        await row.locator(".now-progress").boundingBox(),
      ];
      expect((name?.x ?? 0) + (name?.width ?? 0)).toBeLessThanOrEqual(elapsed?.x ?? 0);
      await post(petit, `/api/runs/${id}/cancel`);
    },
    30_000,
  );

  test("counts the outcomes of the last 24 hours, and links to the runs", async () => {
    const { web } = running();
    const { page } = web;
    await web.open("/");
    const panel = page.getByRole("region", { name: /^Last 24 hours/ });
    await panel.getByRole("link", { name: /^[1-9]\d* missed/ }).waitFor();
    await panel.getByRole("link", { name: /^[1-9]\d* skipped/ }).waitFor();
    await panel.getByRole("link", { name: "1 failed" }).click();
    await page.waitForURL("**/runs?status=failed&group=job&within=24h");
    await page.getByText("1 run of 1 job in the last 24 hours").waitFor();
    await page.locator("[data-job-group=bad]").getByText("still failing").waitFor();
  }, 30_000);

  test("sorts the rows by name, and pins failing jobs to the top", async () => {
    const { petit, web } = running();
    await runToEnd(petit, "bad");
    await web.open("/");
    const first = web.page.locator(".time-name").first();
    await first.getByText("away").waitFor();
    await web.page.getByLabel("Show").selectOption("failing jobs first");
    await first.getByText("bad").waitFor();
    await web.page.waitForURL("**?show=failing");
  }, 30_000);

  test("lists the next occurrences, and shows that the scheduler is paused", async () => {
    const { petit, web } = running();
    await web.open("/");
    const panel = web.page.getByRole("region", { name: /^Next up/ });
    await panel.getByRole("link", { name: "Every two minutes" }).waitFor();
    await post(petit, "/api/scheduler/pause");
    await panel.getByText("after resume").waitFor();
    await row("away")
      .getByRole("img", { name: /skipped, the scheduler or the job was paused/ })
      .waitFor();
    await post(petit, "/api/scheduler/resume");
    await panel.getByText("after resume").waitFor({ state: "detached" });
  }, 30_000);

  for (const colorScheme of ["light", "dark"] as const) {
    test(`passes axe-core and fits a phone, ${colorScheme}`, async () => {
      const { petit, web } = running();
      await web.page.emulateMedia({ colorScheme });
      await web.open("/?zoom=15m");
      await bars("bad", "failed").waitFor();
      expect(await web.axe()).toEqual([]);
      await using phone = await openWeb({ url: petit.url, viewport: { width: 375, height: 800 }, colorScheme });
      await phone.open("/");
      await phone.page.locator(".time-row").first().waitFor();
      await becomes(() => phone.page.evaluate("document.documentElement.scrollWidth"), 375);
      expect(await phone.axe()).toEqual([]);
    }, 60_000);
  }
});

describe.skipIf(CHROMIUM === null)("the now view of a quiet petit", () => {
  test("first shows 24 hours, whenever the jobs ran", async () => {
    const jobs = { "rare.yaml": 'id: rare\ntasks: [{id: only, type: command, command: "true"}]' };
    const first = await startPetit({ jobs });
    await runToEnd(first, "rare");
    await first.stop();
    changeRuns(first.dbPath, "started_at = started_at - ?1, ended_at = ended_at - ?1", 3 * HOUR_MS);
    await using petit = await startPetit({ dir: first.dir });
    await using web = await openWeb(petit);
    const pressed = (name: string): Locator => web.page.getByRole("button", { name, exact: true, pressed: true });
    await web.open("/");
    await pressed("24 h").waitFor();
    await web.page.locator(".time-row path[data-status=completed]").waitFor();
    await runToEnd(petit, "rare");
    await web.page.getByRole("img", { name: /^2 runs/ }).waitFor();
    await pressed("24 h").waitFor();
    expect(new URL(web.page.url()).search).toBe("");
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("shows a period that is typed, only jobs with a tag, and no coming runs of a paused job", async () => {
    const task = 'tasks: [{id: only, type: command, command: "true"}]';
    const jobs = {
      "a.yaml": `id: often\ntags: [finance]\nschedule: "@every 1h"\n${task}`,
      "b.yaml": `id: other\nschedule: "@every 1h"\n${task}`,
    };
    await using petit = await startPetit({ jobs });
    await using web = await openWeb(petit);
    const { page } = web;
    await web.open("/");
    const due = (name: string): Promise<string | null> =>
      page.locator(".time-row").filter({ hasText: name }).locator(".time-due").getAttribute("d");
    await page.locator(".time-row").first().waitFor();
    await becomes(async () => (await due("often")) !== "", true);
    await post(petit, "/api/jobs/often/pause");
    await becomes(() => due("often"), "");
    expect(await due("other")).not.toBe("");
    await page.getByLabel("Tag").selectOption("finance");
    await page.waitForURL("**/?tag=finance");
    await becomes(() => page.locator(".time-row").allInnerTexts(), ["often"]);
    await page.getByRole("button", { name: "Period…" }).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Period of the timeline" });
    await dialog.getByLabel("Since").and(page.locator(":focus")).waitFor();
    await page.keyboard.type("sometime");
    await page.keyboard.press("Enter");
    await dialog.getByRole("alert").getByText("Since is 'sometime'; expected").waitFor();
    expect(await web.axe()).toEqual([]);
    await dialog.getByLabel("Since").fill("-2d");
    await page.keyboard.press("Enter");
    await page.waitForURL(/since=-2d/);
    await page.getByRole("button", { name: "-2d – now", pressed: true }).waitFor();
    await page.reload();
    await page.getByRole("button", { name: "-2d – now", pressed: true }).waitFor();
    await page.getByRole("button", { name: "Now", exact: true }).click();
    await page.getByRole("button", { name: "Week", exact: true, pressed: true }).waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});

describe.skipIf(CHROMIUM === null)("a bar of several runs", () => {
  test("shows which share of them failed", async () => {
    const script =
      'id: flaps\nparams: {code: {default: "0"}}\ntasks: [{id: only, type: command, command: sh, args: ["-c", "exit $0", "${{ params.code }}"]}]';
    const first = await startPetit({ jobs: { "flaps.yaml": script } });
    await runToEnd(first, "flaps", { code: "1" });
    for (let count = 0; count < 3; count++) await runToEnd(first, "flaps");
    await first.stop();
    changeRuns(first.dbPath, "started_at = ?1, ended_at = ?1", Date.now() - HOUR_MS);
    await using petit = await startPetit({ dir: first.dir });
    await using web = await openWeb(petit);
    const { page } = web;
    await web.open("/");
    const parts = page.locator(".time-row path[data-status]");
    await parts.nth(1).waitFor();
    const heights = await parts.evaluateAll((paths) =>
      paths.map((path) => [path.getAttribute("data-status"), (path as SVGPathElement).getBBox().height]),
    );
    const [[, rest], [, failed]] = heights as [[string, number], [string, number]];
    expect(heights.map(([status]) => status)).toEqual(["completed", "failed"]);
    expect(failed / (rest + failed)).toBeCloseTo(1 / 4, 1);
    await page.getByRole("img", { name: /^4 runs; 1 failed/ }).waitFor();
    await page.getByRole("link", { name: "flaps", exact: true }).last().press("ArrowLeft");
    await page.getByRole("tooltip").getByText("1 of 4 runs failed, 3 completed").waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});

describe.skipIf(CHROMIUM === null)("the now view of many jobs", () => {
  test("shows the rows of the first screen before it asks for the others", async () => {
    const names = Array.from({ length: 60 }, (_, index) => `job-${index + 1}`);
    const jobs = names.map((id) => `id: ${id}\ntasks: [{id: only, type: command, command: "true"}]`);
    await using petit = await startPetit({ jobs: { "jobs.yaml": jobs.join("\n---\n") } });
    await using web = await openWeb(petit);
    const { page } = web;
    const rows = page.locator(".time-name");
    // The answer with all rows comes only when there are rows. Later, at the end of the page, the first row is not among them.
    await page.route(
      ({ pathname, searchParams }) => pathname === "/api/timeline/compact" && !searchParams.has("limit"),
      async (route) => {
        await rows.first().waitFor();
        await route.continue();
      },
    );
    await web.open("/");
    await rows.first().getByText("job-1", { exact: true }).waitFor();
    const height = await page.evaluate<number>("document.documentElement.scrollHeight");
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)");
    await rows.last().getByText("job-60", { exact: true }).waitFor();
    expect(await page.evaluate<number>("document.documentElement.scrollHeight")).toBeCloseTo(height, -2);
    await page.unrouteAll({ behavior: "wait" });
    // What is known is shown at once when the view is opened again.
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await page.getByRole("heading", { name: "Jobs", level: 1 }).waitFor();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.getByRole("link", { name: "Now", exact: true }).click();
    await rows.first().getByText("job-1", { exact: true }).waitFor();
    expect(asked.filter((url) => url.includes("limit=40"))).toEqual([]);
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});

const HOUR_MS = 3_600_000;

/** Changes the times of all runs, in the database of a petit that is not running. */
const changeRuns = (dbPath: string, changes: string, ms: number): void => {
  using db = new Database(dbPath);
  db.run(`UPDATE runs SET ${changes}`, [ms]);
};

describe.skipIf(CHROMIUM === null)("the now view without jobs", () => {
  test("explains how to create a job", async () => {
    await using petit = await startPetit({ jobs: {} });
    await using web = await openWeb(petit);
    await web.open("/");
    await web.page.getByRole("heading", { name: "No jobs yet" }).waitFor();
  }, 30_000);
});

/** Returns how many times of the axis overlap "now". */
const TIMES_ON_NOW = `(() => {
  const now = document.querySelector(".time-axis-now span").getBoundingClientRect();
  const times = [...document.querySelectorAll(".time-axis time")].map((each) => each.getBoundingClientRect());
  return times.filter(({ left, right }) => left < now.right && right > now.left).length;
})()`;

/** Centers of the visible times, and the lines below them, in px from the left of the track. */
type Axis = { readonly times: readonly number[]; readonly lines: readonly number[] };

const AXIS = `(() => {
  const { left, width } = document.querySelector(".time-axis-track").getBoundingClientRect();
  const times = [...document.querySelectorAll(".time-axis time")].map((each) => {
    const box = each.getBoundingClientRect();
    return (box.left + box.right) / 2 - left;
  });
  const grid = document.querySelector(".time").style.getPropertyValue("--grid");
  const lines = [...grid.matchAll(/var\\(--line\\) ([\\d.]+)px/g)].map((match) => Number(match[1]));
  return { times: times.filter((at) => at >= 0 && at <= width), lines };
})()`;
