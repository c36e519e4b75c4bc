import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { quietHour } from "../../support/quiet-hour.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const HOUR = quietHour();
const JOBS = {
  "etl/nightly.yaml": `id: upstream
tasks: [{id: only, type: command, command: "true"}]
---
id: nightly
name: Nightly load
description: Brings the orders of yesterday.
schedule: {cron: "30 ${HOUR} * * *", timezone: Asia/Kathmandu, catchup: all, catchup_window: 2h}
max_concurrency: 1
on_overlap: queue
timeout: 90m
retention: {runs: 50, days: 7}
depends_on: [{job: upstream, condition: last_complete}]
params: {exit: {default: "0"}}
tasks:
  # <script>window.pwned=1</script>
  - id: extract
    type: shell
    script: 'exit "$PETIT_PARAM_EXIT"'
  - {id: load, type: command, command: "true", depends_on: [extract]}
---
id: linked
tags: [night, orders]
links: {runbook: "https://example.com/runbook"}
params: {exit: {default: "0"}}
tasks: [{id: only, type: shell, script: 'exit "$PETIT_PARAM_EXIT"'}]
---
id: grid
params: {exit: {default: "0"}}
tasks:
  - {id: extract, type: shell, script: 'exit "$PETIT_PARAM_EXIT"'}
  - {id: lint, type: shell, script: 'exit "$PETIT_PARAM_EXIT"', allow_failure: true}
  - {id: load, type: command, command: "true", depends_on: [extract]}
---
id: wide
tasks:
${Array.from({ length: 63 }, (_, index) => `  - {id: task${index}, type: command, command: "true"}`).join("\n")}
---
id: downstream
depends_on: [nightly]
tasks: [{id: only, type: command, command: "true"}]
`,
  "tick.yaml": `id: tick\nschedule: "* * * * * *"\ntasks: [{id: only, type: command, command: "true"}]\n`,
};

describe.skipIf(CHROMIUM === null)("the view of a job", () => {
  const running = sharedWeb(
    () => startPetit({ jobs: JOBS }),
    async (petit) => {
      await runToEnd(petit, "upstream");
    },
  );

  const card = (page: Page, name: string) => page.getByRole("region", { name, exact: true });

  test("describes the schedule and settings, and links to dependencies and dependents", async () => {
    const { web, page } = running();
    await web.open("/jobs/nightly");
    const schedule = card(page, "Schedule");
    await schedule.getByText(`Every day at ${HOUR}:30`).waitFor();
    expect(await schedule.textContent()).toContain(`30 ${HOUR} * * * Asia/Kathmandu`);
    await schedule.locator("li").nth(4).waitFor();
    const settings = await card(page, "Settings").textContent();
    for (const text of ["1 run", "queue the occurrence", "1h30m", "all, within 2h", "50 runs, 7 days", "Param exit"]) {
      expect(settings).toContain(text);
    }
    await card(page, "Dependencies").getByRole("link", { name: "upstream" }).waitFor();
    await card(page, "Dependencies").getByRole("link", { name: "downstream" }).click();
    await page.waitForURL("**/jobs/downstream");
    await card(page, "Dependencies").getByText("last run completed").waitFor();
  }, 60_000);

  test("shows its tags and links, and the links again on a failed run", async () => {
    const { petit, web, page } = running();
    await web.open("/jobs/linked");
    const runbook = page.getByRole("link", { name: "runbook" });
    await runbook.waitFor();
    await becomes(() => runbook.getAttribute("href"), "https://example.com/runbook");
    await becomes(() => runbook.getAttribute("rel"), "noreferrer");
    await page.getByRole("link", { name: "orders", exact: true }).click();
    await page.waitForURL("**/jobs?tag=orders");
    await web.open(`/runs/${(await runToEnd(petit, "linked", { exit: "1" })).id}`);
    await card(page, "Summary").getByRole("link", { name: "runbook" }).waitFor();
    await web.open(`/runs/${(await runToEnd(petit, "linked")).id}`);
    await card(page, "Summary").getByText("completed").first().waitFor();
    expect(await card(page, "Summary").getByRole("link", { name: "runbook" }).count()).toBe(0);
  }, 60_000);

  test("shows the definition as text with line numbers, and marks the line of a selected task", async () => {
    const { web, page } = running();
    await web.open("/jobs/nightly");
    await page.getByText("etl/nightly.yaml:4").waitFor();
    const line = page.locator(".definition li[data-line]", { hasText: "id: extract" });
    await line.locator(".hljs-attr").first().waitFor();
    const number = JOBS["etl/nightly.yaml"].split("\n").findIndex((text) => text.includes("- id: extract")) + 1;
    await becomes(() => line.getAttribute("data-line"), String(number));
    await page.locator('[data-task="extract"]').click();
    await page.locator(`.definition .is-selected[data-line="${number}"]`).waitFor();
    await page.locator(".definition li", { hasText: "<script>window.pwned=1</script>" }).waitFor();
    expect(await page.evaluate("window.pwned ?? null")).toBeNull();
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("lists the versions of the definition, with when and for which runs each was in use, and compares them", async () => {
    const task = "tasks: [{id: only, type: command, command: 'true'}]";
    await using petit = await startPetit({
      jobs: { "jobs.yaml": `id: a\nenvironment: {API_TOKEN: first-secret}\n${task}\n` },
      args: ["--no-watch"],
    });
    await using web = await openWeb(petit);
    const { page } = web;
    const runs = [await runToEnd(petit, "a")];
    for (const text of [
      `id: b\n${task}\n---\nid: a\nname: Second\ntimeout: 5m\nenvironment: {API_TOKEN: second-secret}\n${task}\n`,
      `id: a\nname: Third\nschedule: "0 7 1 1 *"\nenvironment: {API_TOKEN: second-secret}\n${task.replace("}]", ", stdin: x}]")}\n`,
    ]) {
      await Bun.write(`${petit.jobsDir}/jobs.yaml`, text);
      await post(petit, "/api/jobs/reload");
      runs.push(await runToEnd(petit, "a"));
    }
    expect((await ask(petit, "/api/jobs/a")).body.version).toBe(3);
    await web.open("/jobs/a");
    const versions = page.getByRole("region", { name: "Versions" });
    await card(page, "Definition").getByText("Version 3, since").waitFor();
    const row = (version: number) => versions.locator(`[data-version="${version}"]`);
    expect(await row(3).textContent()).toMatch(/Since .*, reload by 127\.0\.0\.1, jobs\.yaml modified .*1 run: /);
    expect(await row(1).textContent()).toMatch(/From .* to .*, start, jobs\.yaml modified /);
    await row(1)
      .getByRole("link", { name: runs[0].id.slice(-8) })
      .waitFor();
    const change = (path: string) => versions.locator(`[data-change="${path}"]`);
    // With the keyboard, one version shows what it changed.
    await versions.getByRole("checkbox", { name: "Version 3" }).focus();
    await page.keyboard.press("Space");
    await versions.getByRole("heading", { name: "From version 2 to version 3" }).waitFor();
    expect(await change("name").textContent()).toMatch(/before: Second.*after: Third/);
    expect(await change("timeout").textContent()).toContain("before: 5m");
    expect(await versions.locator("[data-move]").textContent()).toBe("Newly scheduled.");
    expect(await change("tasks.only.stdin").textContent()).toContain("after: x");
    expect(await change("environment.API_TOKEN").count()).toBe(0);
    expect(await versions.getByRole("region", { name: "Changes of the text since version 2" }).textContent()).toContain(
      "-name: Second\n",
    );
    // A second one is compared with it.
    await versions.getByRole("checkbox", { name: "Version 1" }).check();
    await versions.getByRole("heading", { name: "From version 1 to version 3" }).waitFor();
    expect(await change("environment.API_TOKEN").textContent()).toContain("differs, but is hidden");
    expect(page.url()).toEndWith("?versions=3%2C1");
    expect(await page.content()).not.toMatch(/first-secret|second-secret/);
    await versions.getByText("Text of version 3").click();
    await versions.getByRole("region", { name: "Text of version 3" }).getByText("id: a").waitFor();
    expect(await web.axe()).toEqual([]);
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.setViewportSize({ width: 1280, height: 800 });
    await versions.getByRole("checkbox", { name: "Version 3" }).uncheck();
    await versions.getByText("It is the first version that is stored.").waitFor();
    // Each run names its version, and leads to it.
    await web.open(`/runs/${runs[1].id}`);
    await page.getByRole("link", { name: "version 2" }).click();
    await versions.getByRole("heading", { name: "From version 1 to version 2" }).waitFor();
    expect(await versions.getByRole("checkbox", { name: "Version 2" }).isChecked()).toBe(true);
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("draws the status and duration of each run when it ends", async () => {
    const { petit, web, page } = running();
    await runToEnd(petit, "nightly");
    await web.open("/jobs/nightly");
    await page.locator('.trend [data-status="completed"]').waitFor();
    const { id } = await runToEnd(petit, "nightly", { exit: "1" });
    await page.locator(`.trend [data-run="${id}"][data-status="failed"]`).waitFor();
    await card(page, "History")
      .getByRole("link", { name: id.slice(-8) })
      .waitFor();
    await page.locator(".trend a").last().focus();
    await page.getByRole("tooltip").getByText("failed").waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/runs/${id}`);
  }, 60_000);

  test("shows what the newest runs used, in words and as a table, too, and the limit of memory as a line", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "linked");
    await runToEnd(petit, "linked");
    await web.open("/jobs/linked");
    const usage = card(page, "CPU and memory");
    await usage.getByRole("img", { name: /^CPU times of the newest runs: at most / }).waitFor();
    await page.route("**/api/jobs/linked/runs?*", async (route) => {
      const list = await (await route.fetch()).json();
      const used = (peak: number, limit: number | null) => ({
        cpu_user_ms: 1_200,
        cpu_system_ms: 300,
        memory_peak_bytes: peak * 2 ** 20,
        memory_limit_bytes: limit === null ? null : limit * 2 ** 20,
      });
      for (const run of list.runs) run.usage = run.id === id ? used(480, 512) : used(100, null);
      await route.fulfill({ json: list });
    });
    await web.open("/jobs/linked");
    const memory = usage.getByRole("img", { name: "Peaks of memory of the newest runs: at most 480 MiB." });
    await memory.waitFor();
    await becomes(() => memory.locator(".usage-limit").count(), 1);
    await becomes(() => memory.locator(".usage-near").getAttribute("data-run"), id);
    await usage.getByText("At least 90 % of it").waitFor();
    await usage.getByText("as a table").click();
    const row = usage.getByRole("row").filter({ hasText: "480 of 512 MiB" });
    await row.getByText("1.5 s").waitFor();
    await page.unroute("**/api/jobs/linked/runs?*");
    await row.getByRole("link").click();
    await page.waitForURL(`**/runs/${id}`);
    await card(page, "Summary")
      .getByText(/^CPU \d+ ms/)
      .waitFor();
  }, 60_000);

  test("shows each task in each of the newest runs, with a link to its log", async () => {
    const { petit, web, page } = running();
    const done = await runToEnd(petit, "grid");
    await web.open("/jobs/grid");
    const grid = card(page, "Tasks");
    const cell = (task: string, run: string) => grid.locator(`[data-cell="${task} ${run}"]`);
    await becomes(() => cell("load", done.id).getAttribute("data-status"), "completed");
    const { id } = await runToEnd(petit, "grid", { exit: "4" });
    await grid.locator(`[data-cell="extract ${id}"][data-status="failed"]`).waitFor();
    await becomes(() => cell("lint", id).getAttribute("data-status"), "allowed");
    await becomes(() => cell("load", id).getAttribute("data-status"), "skipped");
    await grid.locator('[data-history="extract"] .sparkline').waitFor();
    expect(await web.axe()).toEqual([]);
    // One stop of the Tab key, from which the arrow keys move.
    await becomes(() => grid.locator("[data-cell][tabindex='0']").count(), 1);
    await cell("extract", id).focus();
    await page.getByRole("tooltip").getByText("the process exited with another status than 0").waitFor();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tooltip").getByText("lint: failed, which the job allows").waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/runs/${id}?task=lint`);
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("shows 60 tasks of a large job at first, and counts the others", async () => {
    const { petit, web, page } = running();
    await runToEnd(petit, "wide");
    await web.open("/jobs/wide");
    const grid = card(page, "Tasks");
    await grid.getByText("3 more tasks").waitFor();
    await becomes(() => grid.locator("[data-history]").count(), 60);
    await grid.getByRole("button", { name: "Show more" }).click();
    await grid.locator('[data-history="task62"]').waitFor();
    await becomes(() => grid.getByText("more task").count(), 0);
  }, 60_000);

  test("lists upcoming occurrences, and those that started no run with the reason", async () => {
    const { petit, web, page } = running();
    await web.open("/jobs/tick");
    await becomes(() => card(page, "Schedule").locator(".job-next li").count(), 5);
    await post(petit, "/api/scheduler/pause");
    const ledger = card(page, "Skipped and missed");
    await ledger.locator('[data-outcome="skipped"]').first().getByText("the scheduler or the job was paused").waitFor();
    expect(await ledger.locator('[data-outcome="fired"]').count()).toBe(0);
    await card(page, "Schedule").getByText("The scheduler is paused").waitFor();
    await card(page, "Schedule")
      .getByText(/^The scheduler is paused since .* by 127\.0\.0\.1: /)
      .waitFor();
    await page
      .locator('[data-blocker="scheduler_paused"]')
      .getByText(/^The scheduler is paused since .* \(by 127\.0\.0\.1\): /)
      .waitFor();
    expect(await web.axe()).toEqual([]);
    await post(petit, "/api/scheduler/resume");
    await card(page, "Schedule").getByText("The scheduler is paused").waitFor({ state: "detached" });
    await page.getByText("Nothing stands in the way of the next run.").waitFor();
  }, 60_000);

  test("begins with the last result, and says which gate is shut", async () => {
    const { petit, web, page } = running();
    writeFileSync(
      join(petit.jobsDir, "gated.yaml"),
      "id: source\ntasks: [{id: only, type: shell, script: 'echo no disk >&2; exit 4'}]\n---\n" +
        "id: gated\ndepends_on: [{job_id: source, condition: last_success}]\ntasks: [{id: only, type: command, command: 'true'}]\n",
    );
    await post(petit, "/api/jobs/reload");
    const run = await runToEnd(petit, "source");
    await web.open("/jobs/source");
    const state = card(page, "Last result");
    await state.getByText("no disk").waitFor();
    await becomes(() => state.getByRole("link").first().getAttribute("href"), `/runs/${run.id}?task=only#L1`);
    expect(await page.locator("main h2").first().textContent()).toBe("Last result");
    await web.open("/jobs/gated");
    await page
      .locator('[data-blocker="gate_shut"]')
      .getByText("A gate is shut: the last run of 'source' failed, but its last run must be completed.")
      .waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("reports that the job was removed, and links to its runs", async () => {
    const { petit, web, page } = running();
    const file = join(petit.jobsDir, "brief.yaml");
    writeFileSync(file, "id: brief\nschedule: '@daily'\ntasks: [{id: only, type: command, command: 'true'}]\n");
    await post(petit, "/api/jobs/reload");
    const run = await runToEnd(petit, "brief");
    await web.open("/jobs/brief");
    await page.getByRole("button", { name: "Run now" }).waitFor();
    rmSync(file);
    await page.getByText("This job was removed").waitFor();
    await becomes(() => page.getByRole("button", { name: "Run now" }).count(), 0);
    await page.reload();
    await page.getByText("No job file defines it any more").waitFor();
    await page.getByText("No job file defines the job any more").waitFor();
    await page.locator(".job-result").getByText("Completed").waitFor();
    expect(
      await page
        .locator("main button")
        .filter({ hasText: /Run now|Pause/ })
        .count(),
    ).toBe(0);
    await page.keyboard.press("r");
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(await web.axe()).toEqual([]);
    await page.getByRole("link", { name: "Its runs" }).click();
    await page.waitForURL("**/runs?job=brief");
    await page.getByRole("link", { name: run.id.slice(-8) }).waitFor();
  }, 60_000);

  test("with @reboot says when it starts, and why it has not started", async () => {
    const { petit, web, page } = running();
    const file = join(petit.jobsDir, "tunnel.yaml");
    writeFileSync(file, "id: tunnel\nschedule: '@reboot'\ntasks: [{id: only, type: command, command: 'true'}]\n");
    await post(petit, "/api/jobs/reload");
    await web.open("/jobs/tunnel");
    const card = page.getByRole("region", { name: "Schedule" });
    await card.getByText("At each boot of the machine", { exact: true }).waitFor();
    await becomes(
      () => card.getByRole("listitem").allTextContents(),
      ["At the next boot of the machine It first starts at the boot after petit has read it."],
    );
    expect(await card.textContent()).not.toContain("time zone");
    expect(await card.locator("time").count()).toBe(0);
    await web.open("/jobs");
    await page.locator("tr", { hasText: "tunnel" }).getByText("at boot").waitFor();
    expect(web.complaints()).toEqual([]);
    rmSync(file);
    await post(petit, "/api/jobs/reload");
  }, 60_000);

  test("says when jitter starts the next run", async () => {
    const { petit, web, page } = running();
    const file = join(petit.jobsDir, "spread.yaml");
    const schedule = '{cron: "0 3 1 1 *", jitter: 50m}';
    writeFileSync(file, `id: spread\nschedule: ${schedule}\ntasks: [{id: only, type: command, command: 'true'}]\n`);
    await post(petit, "/api/jobs/reload");
    await web.open("/jobs/spread");
    const coming = card(page, "Schedule").locator(".job-next li");
    await coming
      .first()
      .getByText(/^in .*, by jitter$/)
      .waitFor();
    expect(await coming.filter({ hasText: "by jitter" }).count()).toBe(1);
    expect(web.complaints()).toEqual([]);
    rmSync(file);
    await post(petit, "/api/jobs/reload");
  }, 60_000);

  test("shows the history of a job that was renamed, also under the former id", async () => {
    const { petit, web, page } = running();
    const write = (head: string): void =>
      writeFileSync(
        join(petit.jobsDir, "moved.yaml"),
        `${head}\ntasks: [{id: only, type: command, command: 'true'}]\n`,
      );
    write("id: before");
    await post(petit, "/api/jobs/reload");
    const run = await runToEnd(petit, "before");
    await web.open("/jobs/before");
    await page.getByRole("button", { name: "Run now" }).waitFor();
    write("id: after\nformerly: before");
    await page.waitForURL("**/jobs/after");
    await web.open("/jobs/before");
    await page.waitForURL("**/jobs/after");
    await page.getByText("formerly before").waitFor();
    await page.locator(`.job-result a[href$="${run.id}"]`).waitFor();
    await page.getByRole("button", { name: "Run now" }).waitFor();
    await web.open(`/runs/${run.id}`);
    await page.locator('main a[href="/jobs/after"]').first().waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("runs the job with the key r", async () => {
    const { web, page } = running();
    await web.open("/jobs/upstream");
    await page.keyboard.press("r");
    await page.getByRole("dialog").getByRole("button", { name: "Run now" }).click();
    await page.waitForURL("**/runs/*");
  }, 60_000);

  test.each(["light", "dark"] as const)(
    "fits on a phone and passes axe-core, %s",
    async (colorScheme) => {
      const { petit } = running();
      await using phone = await openWeb({ url: petit.url, viewport: { width: 375, height: 740 }, colorScheme });
      for (const id of ["nightly", "tick", "grid"]) {
        await phone.open(`/jobs/${id}`);
        await phone.page.locator(".graph-node").first().waitFor();
        await becomes(() => phone.page.evaluate("document.documentElement.scrollWidth"), 375);
        expect(await phone.axe()).toEqual([]);
      }
    },
    90_000,
  );
});
