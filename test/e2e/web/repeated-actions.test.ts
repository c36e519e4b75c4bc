import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { ask, runToEnd, start } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";

const JOBS = {
  "jobs.yaml": `
id: quick
tasks: [{id: only, type: command, command: "true"}]
---
id: endless
tasks:
  - {id: main, type: command, command: sleep, args: ["600"]}
  - {id: tidy, type: command, command: sleep, args: ["600"], depends_on: [main], condition: all_done}
`,
};

describe.skipIf(CHROMIUM === null)("actions repeated by mistake", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS }));
  const countRuns = async (job: string): Promise<number> =>
    (await ask(running().petit, `/api/jobs/${job}/runs`)).body.count;

  test("a double click on Run opens the form once, and one in the form triggers one run", async () => {
    const { web, page } = running();
    await web.open("/jobs");
    await page.getByRole("button", { name: "Run now: quick" }).dblclick();
    const act = page.getByRole("dialog").getByRole("button", { name: "Run now" });
    await act.waitFor();
    await act.dblclick();
    await page.waitForURL("**/runs/*");
    await page.locator("[data-run-status=completed]").waitFor();
    expect(await countRuns("quick")).toBe(1);
  }, 60_000);

  test("a key that is held down triggers one run", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "quick");
    const before = await countRuns("quick");
    await web.open(`/runs/${id}`);
    // Repeated keydown events are repeats of the key.
    await page.keyboard.down("r");
    await page.keyboard.down("r");
    await page.waitForURL((url) => !url.pathname.endsWith(id));
    await page.locator("[data-run-status=completed]").waitFor();
    await page.keyboard.down("r");
    await page.keyboard.up("r");
    await page.reload();
    await page.locator("[data-run-status=completed]").waitFor();
    expect(await countRuns("quick")).toBe(before + 1);
  }, 60_000);

  test("a double click on Cancel does not cancel the clean-up tasks", async () => {
    const { petit, web, page } = running();
    const id = await start(petit, "endless");
    await web.open(`/runs/${id}`);
    await page.locator('[data-task="main"][data-status="running"]').waitFor();
    const { x, y, width, height } = (await page.getByRole("button", { name: "Cancel" }).boundingBox()) ?? NO_BOX;
    await page.mouse.move(x + width / 2, y + height / 2);
    await press(page, 1);
    await page.locator('[data-task="tidy"][data-status="running"]').waitFor();
    const again = page.getByRole("button", { name: "Cancel clean-up tasks too" });
    await again.waitFor();
    const cancels: string[] = [];
    page.on("request", (request) => {
      if (request.method() === "POST") cancels.push(request.url());
    });
    await press(page, 2);
    await again.click();
    await page.locator("[data-run-status=cancelled]").waitFor();
    expect(cancels).toHaveLength(1);
  }, 60_000);
});

const NO_BOX = { x: 0, y: 0, width: 0, height: 0 };

/** Presses the mouse as the first or second click of a double click. */
const press = async (page: Page, clickCount: 1 | 2): Promise<void> => {
  await page.mouse.down({ clickCount });
  await page.mouse.up({ clickCount });
};
