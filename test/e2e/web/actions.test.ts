import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { ask, post, runToEnd, start } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";

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
    expect(await dialog(page).getByRole("combobox", { name: "Task to run again" }).inputValue()).toBe("second");
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
    expect(await dialog(page).getByRole("radio", { name: "What did not complete", exact: true }).count()).toBe(0);
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
    expect(await rows.evaluateAll((all) => all.map((each) => each.getAttribute("data-run")))).toEqual([first, second]);
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
    expect(await dialog(page).getByRole("button", { name: "Cancel the run" }).count()).toBe(0);
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
    expect(await page.locator('[data-gantt][data-status="failed"]').count()).toBe(1);
  }, 60_000);
});
