import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { ask, post, runToEnd, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": `
id: chain
params: {gate: {required: true}}
tasks:
  - {id: first, type: command, command: "true"}
  - {id: second, type: shell, script: '[ -e "$PETIT_PARAM_GATE" ]', depends_on: [first]}
  - {id: third, type: command, command: "true", depends_on: [second]}
---
id: wait
name: Wait for long
max_concurrency: 10
tasks: [{id: only, type: command, command: sleep, args: ["600"]}]
---
id: nightly
name: Nightly sync
schedule: "0 3 * * *"
tasks: [{id: only, type: command, command: "true"}]
---
id: bad
tasks: [{id: only, type: command, command: "false"}]
---
id: partly
tasks:
  - {id: fails, type: command, command: "false"}
  - {id: sleeps, type: command, command: sleep, args: ["600"]}
`,
};

describe.skipIf(CHROMIUM === null)("the actions of the page", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS }));
  const node = (page: Page, id: string, status: string) => page.locator(`[data-task="${id}"][data-status="${status}"]`);
  const dialog = (page: Page) => page.getByRole("dialog");
  const runOf = (page: Page): string => new URL(page.url()).pathname.split("/").at(-1) ?? "";

  test("retry one task and what did not complete after it, or everything from a task on", async () => {
    const { petit, web, page } = running();
    const gate = join(petit.dir, "gate");
    const { id } = await runToEnd(petit, "chain", { gate });
    writeFileSync(gate, "");
    await web.open(`/runs/${id}`);
    await page.getByRole("button", { name: "Retry" }).click();
    await dialog(page).getByRole("radio", { name: "One task, and what did not complete after it" }).check();
    await becomes(() => dialog(page).getByRole("combobox", { name: "Task to run again" }).inputValue(), "second");
    await dialog(page).getByText("runs second and third and keeps the result of 1 task.").waitFor();
    await dialog(page).getByRole("button", { name: "Retry" }).click();
    await page.waitForURL((url) => !url.pathname.endsWith(id));
    await page.locator("[data-run-status=completed]").waitFor();
    expect(await node(page, "first", "completed").textContent()).toContain("reused");
    expect(await node(page, "second", "completed").textContent()).not.toContain("reused");
    // A run that completed can be repeated from a task on.
    const completed = runOf(page);
    await page.locator('[data-task="third"]').click();
    await page.getByRole("button", { name: "Retry" }).click();
    await becomes(() => dialog(page).getByRole("radio", { name: "What did not complete", exact: true }).count(), 0);
    await dialog(page).getByText("runs third and keeps the results of 2 tasks.").waitFor();
    await dialog(page).getByRole("button", { name: "Retry" }).click();
    await page.waitForURL((url) => !url.pathname.endsWith(completed));
    await page.locator("[data-run-status=completed]").waitFor();
    expect(await node(page, "second", "completed").textContent()).toContain("reused");
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("retry with the keyboard alone, and Escape changes nothing", async () => {
    const { petit, web, page } = running();
    const gate = join(petit.dir, "gate-keyboard");
    const { id } = await runToEnd(petit, "chain", { gate });
    await web.open(`/runs/${id}`);
    await page.getByRole("button", { name: "Retry" }).focus();
    await page.keyboard.press("Enter");
    await dialog(page).getByRole("button", { name: "Retry" }).waitFor();
    await page.keyboard.press("Escape");
    await dialog(page).waitFor({ state: "detached" });
    expect((await ask(petit, `/api/runs/${id}`)).body.retried_by).toEqual([]);
    writeFileSync(gate, "");
    await page.keyboard.press("Enter");
    await dialog(page).locator("[type=submit]:focus").waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => !url.pathname.endsWith(id));
    await page.locator("[data-run-status=completed]").waitFor();
  }, 60_000);

  test.each([
    ["a job", async () => "/jobs/nightly", null],
    ["a focused job of the list", async () => "/jobs", "tr"],
    ["a focused job of the timeline", async () => "/?show=", ".time-row"],
    ["a run", async (petit: Petit) => `/runs/${(await runToEnd(petit, "nightly")).id}`, null],
  ] as const)(
    "ask after the key r on %s, and Escape sends nothing",
    async (_, pathIn, focused) => {
      const { petit, web, page } = running();
      await web.open(await pathIn(petit));
      const sent: string[] = [];
      const note = (request: { method(): string; url(): string }): void => {
        if (request.method() !== "GET") sent.push(request.url());
      };
      page.on("request", note);
      const runs = (await ask(petit, "/api/jobs/nightly/runs")).body.count;
      if (focused !== null) await page.locator(`${focused} a[href="/jobs/nightly"]`).first().focus();
      for (const key of ["r", "r"]) await page.keyboard.press(key);
      await dialog(page).getByRole("button", { name: "Run now" }).waitFor();
      await page.keyboard.press("Escape");
      await dialog(page).waitFor({ state: "detached" });
      expect(sent).toEqual([]);
      expect((await ask(petit, "/api/jobs/nightly/runs")).body.count).toBe(runs);
      await page.keyboard.press("r");
      await dialog(page).getByRole("button", { name: "Run now" }).click();
      await becomes(async () => (await ask(petit, "/api/jobs/nightly/runs")).body.count, runs + 1);
      expect(sent).toEqual([`${petit.url}/api/jobs/nightly/trigger`]);
      page.off("request", note);
    },
    60_000,
  );

  test.each([
    ["without params", "nightly", "Cancel"],
    ["with params", "chain", null],
  ])(
    "start nothing by r and Enter: a job %s asks, with a safe answer focused",
    async (_, jobId, safe) => {
      const { petit, web, page } = running();
      const count = async (): Promise<number> => (await ask(petit, `/api/jobs/${jobId}/runs`)).body.count;
      const before = await count();
      await web.open(`/jobs/${jobId}`);
      await page.getByRole("button", { name: "Run now" }).focus();
      await page.keyboard.press("r");
      await dialog(page).getByRole("button", { name: "Run now" }).waitFor();
      if (safe !== null) await dialog(page).getByRole("button", { name: safe }).and(page.locator(":focus")).waitFor();
      expect(await dialog(page).getByRole("heading").textContent()).toMatch(/^Run .* now\?$/);
      // The first field has the focus.
      if (safe === null) await page.keyboard.type("/");
      await page.keyboard.press("Enter");
      if (safe !== null) await dialog(page).waitFor({ state: "detached" });
      // In a field, Enter only moves on to the button.
      else await dialog(page).getByRole("button", { name: "Run now" }).and(page.locator(":focus")).waitFor();
      expect(await count()).toBe(before);
      if (safe !== null) {
        await page.keyboard.press("r");
        await dialog(page).getByRole("button", { name: "Run now" }).focus();
      }
      await page.keyboard.press("Enter");
      await becomes(count, before + 1);
    },
    60_000,
  );

  test("ask before they cancel a run, with the safe answer focused", async () => {
    const { petit, web, page } = running();
    const id = await start(petit, "wait");
    await web.open(`/runs/${id}`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await dialog(page).getByText("This ends only.").waitFor();
    expect(await web.axe()).toEqual([]);
    await page.keyboard.press("Enter");
    await dialog(page).waitFor({ state: "detached" });
    expect((await ask(petit, `/api/runs/${id}`)).body.status).toBe("running");
    await page.getByRole("button", { name: "Cancel" }).focus();
    await page.keyboard.press("Enter");
    await dialog(page).getByRole("button", { name: "Keep it running" }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator("[data-run-status=cancelled]").waitFor();
  }, 60_000);

  test("cancel the run that the question is about, after the list has changed", async () => {
    const { petit, web, page } = running();
    const first = await start(petit, "wait");
    await web.open("/");
    const rows = page.locator(".now-running");
    await page.locator(`[data-run="${first}"]`).hover();
    const second = await start(petit, "wait");
    await page.locator(`[data-run="${second}"]`).waitFor();
    // The newest run is listed first, unless the pointer is in the list.
    const listed = () => rows.evaluateAll((all) => all.map((each) => each.getAttribute("data-run")));
    await becomes(listed, [first, second]);
    await page.locator(`[data-run="${first}"]`).getByRole("button", { name: "Cancel Wait for long" }).click();
    await dialog(page)
      .getByText(`run ${first.slice(-8)}`)
      .waitFor();
    await post(petit, `/api/runs/${second}/cancel`);
    await page.locator(`[data-run="${second}"]`).waitFor({ state: "detached" });
    await dialog(page).getByRole("button", { name: "Cancel the run" }).click();
    await page.mouse.move(0, 0);
    await page.getByText("No runs are running.").waitFor();
    expect((await ask(petit, `/api/runs/${first}`)).body.status).toBe("cancelled");
  }, 60_000);

  test("say that a run has ended while they asked", async () => {
    const { petit, web, page } = running();
    const id = await start(petit, "wait");
    await web.open(`/runs/${id}`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await post(petit, `/api/runs/${id}/cancel`);
    await dialog(page).getByText("The run has ended: it is cancelled.").waitFor();
    await becomes(() => dialog(page).getByRole("button", { name: "Cancel the run" }).count(), 0);
  }, 60_000);

  test("show a task that was cancelled as cancelled, and not as failed", async () => {
    const { petit, web, page } = running();
    const id = await start(petit, "partly");
    await web.open(`/runs/${id}`);
    await node(page, "fails", "failed").waitFor();
    await post(petit, `/api/runs/${id}/cancel`);
    await node(page, "sleeps", "cancelled").waitFor();
    await page.getByRole("tab", { name: "2 tasks" }).click();
    await page.locator('[data-gantt="sleeps"][data-status="cancelled"]').waitFor();
    await becomes(() => page.locator('[data-gantt][data-status="failed"]').count(), 1);
  }, 60_000);

  test("pause one job from its row and resume it, also on its page and over a restart of the page", async () => {
    const { petit, web, page } = running();
    await web.open("/jobs");
    const row = page.locator('tr:has([data-job="nightly"])');
    await row.getByRole("button", { name: "Pause Nightly sync" }).click();
    await row.getByRole("button", { name: "Resume Nightly sync" }).waitFor();
    await page.getByRole("region", { name: "Notices" }).getByText("Job 'nightly' is paused").waitFor();
    expect((await ask(petit, "/api/jobs/nightly")).body.paused).toBe(true);
    await becomes(() => row.locator(".jobs-next").textContent(), "paused");
    expect(await web.axe()).toEqual([]);
    await web.open("/jobs?schedule=paused");
    await becomes(() => page.locator(".jobs-row").count(), 1);
    await web.open("/jobs/nightly");
    await page.getByText("This job is paused since").waitFor();
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await page.getByText("This job is paused since").waitFor({ state: "detached" });
    expect((await ask(petit, "/api/jobs/nightly")).body.paused).toBe(false);
  }, 60_000);

  test("list what they do to several selected runs, ask, and show the result of each", async () => {
    const { petit, web, page } = running();
    const waiting = [await start(petit, "wait"), await start(petit, "wait")];
    const failed = [(await runToEnd(petit, "bad")).id, (await runToEnd(petit, "bad")).id];
    await web.open("/runs");
    const box = (id: string) => page.getByRole("checkbox", { name: new RegExp(`Select run ${id.slice(-8)}`) });
    for (const id of [...waiting, ...failed]) await box(id).check();
    const bar = page.getByRole("region", { name: "Selected runs" });
    await bar.getByText("4 selected").waitFor();
    expect(await web.axe()).toEqual([]);
    await bar.getByRole("button", { name: "Cancel 2" }).click();
    await dialog(page).getByText("2 other selected runs are left alone").waitFor();
    await becomes(() => dialog(page).locator("[data-bulk]").count(), 2);
    expect(await web.axe()).toEqual([]);
    // The safe answer has the focus.
    await page.keyboard.press("Enter");
    await dialog(page).waitFor({ state: "detached" });
    expect((await ask(petit, `/api/runs/${waiting[0]}`)).body.status).toBe("running");
    for (const id of [...waiting, ...failed]) await box(id).check();
    await bar.getByRole("button", { name: "Cancel 2" }).click();
    await dialog(page).getByRole("button", { name: "Cancel 2 runs" }).click();
    await dialog(page).getByText("is being cancelled").nth(1).waitFor();
    await dialog(page).getByRole("button", { name: "Close" }).last().click();
    for (const id of waiting) {
      await page
        .locator(`tr:has-text("${id.slice(-8)}")`)
        .getByText("cancelled")
        .first()
        .waitFor();
    }
    for (const id of failed) await box(id).check();
    await bar.getByRole("button", { name: "Retry 2" }).click();
    await dialog(page).getByRole("button", { name: "Retry 2 runs" }).click();
    await dialog(page)
      .getByRole("link", { name: /^retried by/ })
      .nth(1)
      .waitFor();
    for (const id of failed) expect((await ask(petit, `/api/runs/${id}`)).body.retried_by).toHaveLength(1);
  }, 60_000);

  test("show why one of several runs was refused", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "bad");
    await web.open("/runs?job=bad&status=failed");
    await page.getByRole("checkbox", { name: new RegExp(`Select run ${id.slice(-8)}`) }).check();
    await page.getByRole("button", { name: "Retry 1" }).click();
    await page.route("**/retry", (route) =>
      route.fulfill({ status: 409, json: { error: "job 'bad' has reached its limit", code: "CONFLICT" } }),
    );
    await dialog(page).getByRole("button", { name: "Retry 1 run" }).click();
    await dialog(page).getByText("Job 'bad' has reached its limit.").waitFor();
    await page.unroute("**/retry");
  }, 60_000);

  test.each(["light", "dark"] as const)(
    "ask in dialogs that pass axe-core, %s",
    async (colorScheme) => {
      const { petit, web, page } = running();
      await page.emulateMedia({ colorScheme });
      const { id } = await runToEnd(petit, "chain", { gate: join(petit.dir, "never") });
      await web.open(`/runs/${id}`);
      await page.getByRole("button", { name: "Retry" }).click();
      await dialog(page).getByRole("radio", { name: "A task and everything after it" }).check();
      expect(await web.axe()).toEqual([]);
      await page.keyboard.press("Escape");
      const waiting = await start(petit, "wait");
      await web.open(`/runs/${waiting}`);
      await page.getByRole("button", { name: "Cancel" }).click();
      await dialog(page).getByText("This ends only.").waitFor();
      expect(await web.axe()).toEqual([]);
      await post(petit, `/api/runs/${waiting}/cancel`);
      await page.emulateMedia({ colorScheme: "light" });
    },
    60_000,
  );
});
