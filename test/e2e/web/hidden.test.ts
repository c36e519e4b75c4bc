import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": `
id: quick
tasks: [{id: only, type: command, command: "true"}]
---
id: slow
params: {gate: {required: true}}
tasks:
  - id: only
    type: shell
    script: 'echo begins; until [ -e "$PETIT_PARAM_GATE" ]; do sleep 0.05; done; echo ends; until [ -e "$PETIT_PARAM_GATE.2" ]; do sleep 0.05; done'
`,
};

/** A headless browser reports every page as visible, so the test overrides the visibility. */
const VISIBILITY_OVERRIDE = `Object.defineProperty(document, "visibilityState", { get: () => window.visibility ?? "visible", configurable: true })`;

const setVisibility = (page: Page, visibility: "visible" | "hidden"): Promise<unknown> =>
  page.evaluate(`window.visibility = "${visibility}"; document.dispatchEvent(new Event("visibilitychange")); 0`);

describe.skipIf(CHROMIUM === null)("a hidden page", () => {
  let petit: Petit | undefined;
  const running = (): Petit => {
    if (petit === undefined) throw new Error("not started");
    return petit;
  };
  beforeAll(async () => {
    petit = await startPetit({ jobs: JOBS });
  }, 60_000);
  afterAll(async () => await petit?.[Symbol.asyncDispose](), 30_000);

  test("closes its streams, and catches up when it is visible again", async () => {
    const petit = running();
    await using web = await openWeb(petit);
    const { page } = web;
    const gate = join(petit.dir, "gate");
    const { body } = await ask(petit, "/api/jobs/slow/trigger", {
      method: "POST",
      body: JSON.stringify({ params: { gate } }),
    });
    await page.addInitScript(VISIBILITY_OVERRIDE);
    await web.open(`/runs/${body.run_id}`);
    await page.locator("[data-connection=connected]").waitFor();
    await page.locator(".log-row", { hasText: "begins" }).waitFor();
    await page.locator("[data-log=live]").waitFor();
    const closed = [/\/api\/events$/, /follow=true$/].map((path) =>
      page.waitForEvent("requestfailed", (request) => path.test(request.url())),
    );
    await setVisibility(page, "hidden");
    await Promise.all(closed);
    writeFileSync(gate, "");
    while (!(await (await petit.fetch(`/api/runs/${body.run_id}/logs`)).text()).includes("ends"));
    expect(await page.locator(".log-row", { hasText: "ends" }).count()).toBe(0);
    expect(await page.locator("[data-connection=connected]").count()).toBe(1);
    await setVisibility(page, "visible");
    await page.locator(".log-row", { hasText: "ends" }).waitFor();
    writeFileSync(`${gate}.2`, "");
    await page.locator("[data-run-status=completed]").waitFor();
  }, 60_000);

  test("does not block other pages, however many are hidden", async () => {
    const petit = running();
    await using web = await openWeb(petit);
    const context = web.page.context();
    await context.addInitScript(`${VISIBILITY_OVERRIDE}; window.visibility = "hidden";`);
    for (let count = 0; count < 8; count++) {
      const page = await context.newPage();
      await page.goto(`${petit.url}/runs`);
      await page.locator("main h1").waitFor();
    }
    await web.page.goto(`${petit.url}/runs`);
    await setVisibility(web.page, "visible");
    await web.page.locator("[data-connection=connected]").waitFor();
    const { id } = await runToEnd(petit, "quick");
    await web.page.locator(`a[href="/runs/${id}"]`).waitFor();
  }, 90_000);
});
