import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { post, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, loaded, openWeb } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": `
id: report
name: Daily report
params: {region: {default: eu}}
tasks: [{id: only, type: command, command: "true"}]
---
id: other
tasks: [{id: only, type: command, command: "true"}]
`,
};

describe.skipIf(CHROMIUM === null)("the command palette", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS }));
  const open = async (): Promise<void> => {
    await running().page.keyboard.press("Control+k");
    await running().page.getByRole("combobox", { name: "Find" }).waitFor();
  };

  test("is not loaded before it is opened, and finds a job, a view and an action", async () => {
    const { web, page } = running();
    await web.open("/");
    expect(await page.evaluate("performance.getEntriesByType('resource').some(({name}) => /palette/.test(name))")).toBe(
      false,
    );
    await open();
    await page.keyboard.type("daily");
    await page.getByRole("option", { name: "Daily report report" }).waitFor();
    expect(await web.axe()).toEqual([]);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/jobs/report");
    await loaded(page);
    await open();
    await page.keyboard.type("go to sys");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/system");
    await loaded(page);
    await open();
    await page.keyboard.type("run daily");
    await page.getByRole("option", { name: "Run Daily report …" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Run Daily report" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("finds a job whose file is gone, and a renamed one by its former id", async () => {
    const task = 'tasks: [{id: only, type: command, command: "true"}]\n';
    await using petit = await startPetit({ jobs: { "a.yaml": `id: before\n${task}`, "b.yaml": `id: past\n${task}` } });
    writeFileSync(join(petit.jobsDir, "a.yaml"), `id: after\nformerly: before\n${task}`);
    rmSync(join(petit.jobsDir, "b.yaml"));
    await post(petit, "/api/jobs/reload");
    await using web = await openWeb(petit);
    const { page } = web;
    const find = async (text: string): Promise<void> => {
      await loaded(page);
      await page.keyboard.press("Control+k");
      await page.getByRole("combobox", { name: "Find" }).waitFor();
      await page.keyboard.type(text);
    };
    await web.open("/");
    await find("before");
    await page.getByRole("option", { name: "after formerly before", exact: true }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/jobs/after");
    await find("past");
    await page.getByRole("option", { name: "past gone", exact: true }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/jobs/past");
    rmSync(join(petit.jobsDir, "a.yaml"));
    await post(petit, "/api/jobs/reload");
    await find("after");
    await page.getByRole("option", { name: "after gone", exact: true }).waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("keeps what is typed before it is loaded", async () => {
    const { petit } = running();
    await using web = await openWeb(petit);
    const { page } = web;
    const gate = Promise.withResolvers<void>();
    await page.route("**/palette-*.js", async (route) => {
      await gate.promise;
      await route.continue();
    });
    await web.open("/");
    await page.keyboard.press("Control+k");
    // `g`, `j` and `r` are shortcuts of the page below.
    await page.keyboard.type("gj");
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Backspace");
    await page.keyboard.type("report");
    gate.resolve();
    await becomes(() => page.getByRole("combobox", { name: "Find" }).inputValue(), "report");
    await page.getByRole("option", { name: "Daily report report" }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/");
  }, 60_000);

  test("finds a run by the eight characters that the page shows, as the search field does", async () => {
    const { petit, web, page } = running();
    const run = await runToEnd(petit, "other");
    await web.open("/");
    await open();
    await page.keyboard.type(run.id.slice(-8).toUpperCase());
    await page.getByRole("option", { name: new RegExp(`completed ?other.*${run.id.slice(-8)}`) }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/runs/${run.id}`);
    await loaded(page);
    const field = page.getByRole("combobox", { name: "Search jobs and runs" });
    await field.fill(run.id.slice(-8));
    await page
      .getByRole("option", { name: run.id.slice(-8) })
      .first()
      .waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("finds runs by a param", async () => {
    const { petit, web, page } = running();
    await runToEnd(petit, "report", { region: "us-east" });
    await web.open("/jobs");
    await open();
    await page.keyboard.type("region=us-east");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/runs?param=region%3Dus-east");
    await page.locator("main [data-row]").first().waitFor();
    await becomes(() => page.locator("main [data-row]").count(), 1);
  }, 60_000);
});
