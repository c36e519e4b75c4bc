import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { ask, post, runToEnd, start } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { quietHour } from "../../support/quiet-hour.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const HOUR = quietHour();
const JOBS = {
  "jobs.yaml": `
id: greet
name: Greet somebody
description: Says hello.
params:
  day: {description: Of which day, default: "2026-01-01", pattern: "^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\d$"}
  level: {enum: [fast, full], required: true}
  note: {default: "one\\ntwo"}
tasks: [{id: only, type: command, command: "true"}]
---
id: nightly
tags: [night, finance]
schedule: {cron: "0 ${HOUR} * * *", timezone: Asia/Kathmandu}
tasks: [{id: only, type: command, command: "true"}]
---
id: every
tags: [night]
schedule: "@every 12h30m"
tasks: [{id: only, type: command, command: "true"}]
---
id: off
enabled: false
schedule: "@daily"
tasks: [{id: only, type: command, command: "false"}]
---
id: single
max_concurrency: 1
tasks: [{id: only, type: shell, script: "while [ ! -e go ]; do sleep 0.05; done"}]
`,
};

describe.skipIf(CHROMIUM === null)("the list of jobs", () => {
  const running = sharedWeb(
    () => startPetit({ jobs: JOBS }),
    async (petit) => {
      for (const job of ["nightly", "off", "nightly"]) await runToEnd(petit, job);
    },
  );
  const row = (name: string): Locator => running().web.page.locator(`tr:has([data-job="${name}"])`);
  const shows = async (...names: readonly string[]): Promise<void> => {
    await running().web.page.waitForFunction(
      (expected) => [...document.querySelectorAll("main [data-row]")].map((row) => row.textContent).join() === expected,
      names.join(),
    );
  };

  test("describes the schedule of each job, and shows its newest runs", async () => {
    const { web } = running();
    await web.open("/jobs");
    // The newest runs, the success rate and the usual duration arrive together, after the list.
    await row("nightly").getByRole("img", { name: "The newest 2 runs: 2 completed" }).waitFor();
    await row("off").getByRole("img", { name: "The newest 1 run: 1 failed" }).waitFor();
    expect(await row("nightly").textContent()).toMatch(
      new RegExp(
        `nightly.*Every day at ${HOUR}:00 \\(Asia/Kathmandu\\).*0 ${HOUR} \\* \\* \\*.*in \\d+h \\d\\dm.*completed.*100 %.*ms`,
      ),
    );
    expect(await row("every").textContent()).toContain("Every 12h 30m");
    expect(await row("off").textContent()).toMatch(/disabled.*Every day at 00:00.*–.*failed.*0 %/);
    expect(await row("greet").textContent()).toMatch(/Greet somebody.*Manual only.*never.*No runs yet/);
    expect(web.complaints()).toEqual([]);
  }, 30_000);

  test("stores search, filter and order in the URL, and goes back through them", async () => {
    const { web } = running();
    const { page } = web;
    await web.open("/jobs");
    await shows("every", "Greet somebody", "nightly", "off", "single");
    await page.getByLabel("Last run").selectOption("failed");
    await page.waitForURL("**/jobs?status=failed");
    await shows("off");
    await page.getByText("1 of 5 jobs").waitFor();
    await page.getByLabel("Last run").selectOption("any");
    await page.getByLabel("Schedule").selectOption("on");
    await page.getByRole("button", { name: "Job", exact: false }).first().click();
    await page.waitForURL("**/jobs?schedule=on&sort=-name");
    await shows("nightly", "every");
    await page.goBack();
    await page.waitForURL("**/jobs?schedule=on");
    await shows("every", "nightly");
    await page.goBack();
    await page.goBack();
    await page.waitForURL("**/jobs?status=failed");
    await shows("off");
    await web.open("/jobs?q=GREET&sort=next");
    await shows("Greet somebody");
    await web.open("/jobs?status=cancelled");
    await page.getByRole("button", { name: "Show all jobs" }).click();
    await shows("every", "Greet somebody", "nightly", "off", "single");
  }, 60_000);

  test("filters jobs and runs by tag, in a URL to share", async () => {
    const { web } = running();
    const { page } = web;
    await web.open("/jobs");
    await page.getByLabel("Tag").selectOption("night");
    await page.waitForURL("**/jobs?tag=night");
    await shows("every", "nightly");
    await row("nightly").getByRole("link", { name: "finance" }).click();
    await page.waitForURL("**/jobs?tag=finance");
    await shows("nightly");
    await web.open("/runs");
    await page.getByLabel("Tag").selectOption("finance");
    await page.waitForURL("**/runs?tag=finance");
    await page.waitForFunction(() => document.querySelectorAll("main [data-row]").length === 2);
    await web.open("/runs?tag=night&status=failed");
    await page.getByText("No matching runs").waitFor();
    await web.open("/jobs?tag=gone");
    await page.getByText("No matching jobs").waitFor();
    await becomes(() => page.getByLabel("Tag").inputValue(), "gone");
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("runs a job with params from a form that explains invalid values", async () => {
    const { petit, web } = running();
    const { page } = web;
    await web.open("/jobs");
    await page.getByRole("button", { name: "Run now: Greet somebody" }).click();
    const dialog = page.getByRole("dialog", { name: "Run Greet somebody" });
    const day = dialog.getByLabel("day");
    await day.waitFor();
    await becomes(() => day.inputValue(), "2026-01-01");
    expect(await dialog.textContent()).toContain("Of which day");
    expect(await dialog.getByRole("option").allTextContents()).toEqual(["Choose one", "fast", "full"]);
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await web.axe()).toEqual([]);
    }
    await day.fill("yesterday");
    await dialog.getByRole("button", { name: "Run now" }).click();
    await dialog.getByText("Is required").waitFor();
    await dialog.getByLabel("level").selectOption("fast");
    await dialog.getByRole("button", { name: "Run now" }).click();
    await dialog.getByText("Can't be 'yesterday'; expected a value that matches").waitFor();
    await becomes(() => day.getAttribute("aria-invalid"), "true");
    expect((await ask(petit, "/api/jobs/greet/runs")).body.count).toBe(0);
    await dialog.getByLabel("note").press("End");
    await page.keyboard.type("!");
    await day.fill("2026-02-03");
    await dialog.getByLabel("level").selectOption("full");
    await dialog.getByRole("button", { name: "Run now" }).click();
    await page.waitForURL("**/runs/*");
    const { body } = await ask(petit, `/api/runs/${page.url().split("/").at(-1)}`);
    expect(body.params).toEqual({ day: "2026-02-03", level: "full", note: "one!\ntwo" });
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await row("greet").getByRole("img", { name: "The newest 1 run: 1 completed" }).waitFor();
  }, 60_000);

  test("updates a run without a reload, and explains why another run is refused", async () => {
    const { petit, web } = running();
    const { page } = web;
    await web.open("/jobs");
    await page.evaluate("window.isTheSame = true");
    await start(petit, "single");
    await row("single").getByText("running").waitFor();
    await page.getByRole("img", { name: "The newest 1 run: 1 running" }).waitFor();
    await page.getByRole("button", { name: "Run now: single" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Run now" }).click();
    await page.getByRole("dialog").getByText("'single' has 1 of 1").waitFor();
    await page.keyboard.press("Escape");
    writeFileSync(join(petit.dir, "go"), "");
    await row("single").getByText("completed").waitFor();
    await row("single").getByRole("img", { name: "The newest 1 run: 1 completed" }).waitFor();
    expect(await page.evaluate("window.isTheSame")).toBe(true);
  }, 60_000);

  test("works with the keyboard alone", async () => {
    const { web } = running();
    const { page } = web;
    await web.open("/jobs");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    await page.keyboard.press("r");
    await page.getByRole("dialog", { name: "Run Greet somebody" }).getByLabel("day").waitFor();
    await becomes(() => page.evaluate("document.activeElement.name"), "day");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("Enter");
    await page.waitForURL("**/jobs/greet");
  }, 30_000);

  test("shows that the scheduler is paused", async () => {
    const { petit, web } = running();
    await web.open("/jobs");
    await post(petit, "/api/scheduler/pause");
    await row("nightly").getByText("paused").waitFor();
    await post(petit, "/api/scheduler/resume");
    await row("nightly")
      .getByText(/^in \d+h/)
      .waitFor();
  }, 30_000);

  test("fits a phone and passes axe-core", async () => {
    const { petit } = running();
    for (const colorScheme of ["light", "dark"] as const) {
      await using phone = await openWeb({ url: petit.url, viewport: { width: 375, height: 800 }, colorScheme });
      await phone.open("/jobs");
      await phone.page.getByRole("button", { name: "Run now: nightly" }).waitFor();
      await becomes(() => phone.page.evaluate("document.documentElement.scrollWidth"), 375);
      expect(await phone.axe()).toEqual([]);
    }
  }, 60_000);
});

describe.skipIf(CHROMIUM === null)("the list of jobs without jobs", () => {
  test("explains how to create a job, and shows it when it is created", async () => {
    await using petit = await startPetit({ jobs: {} });
    await using web = await openWeb(petit);
    await web.open("/jobs");
    await web.page.getByRole("heading", { name: "No jobs yet" }).waitFor();
    expect(await web.axe()).toEqual([]);
    const example = (await web.page.locator("pre").textContent()) ?? "";
    writeFileSync(join(petit.jobsDir, "hello.yaml"), example);
    await web.page.getByRole("link", { name: "hello", exact: true }).waitFor();
    expect(web.complaints()).toEqual([]);
  }, 30_000);
});
