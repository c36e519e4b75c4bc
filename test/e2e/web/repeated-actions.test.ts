import { describe, expect, test } from "bun:test";
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

  test("the key r opens the form, and triggers nothing by itself", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "quick");
    const before = await countRuns("quick");
    await web.open(`/runs/${id}`);
    // Repeated keydown events are repeats of the key.
    await page.keyboard.down("r");
    await page.keyboard.down("r");
    await page.keyboard.up("r");
    await page.getByRole("dialog", { name: "Run quick" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.reload();
    await page.locator("[data-run-status=completed]").waitFor();
    expect(await countRuns("quick")).toBe(before);
  }, 60_000);

  test("a double click on Cancel opens the question once, and one in the question cancels once", async () => {
    const { petit, web, page } = running();
    const id = await start(petit, "endless");
    await web.open(`/runs/${id}`);
    await page.locator('[data-task="main"][data-status="running"]').waitFor();
    const cancels: string[] = [];
    page.on("request", (request) => {
      if (request.method() === "POST") cancels.push(request.url());
    });
    await page.getByRole("button", { name: "Cancel" }).dblclick();
    const act = page.getByRole("dialog").getByRole("button", { name: "Cancel the run" });
    await act.waitFor();
    expect(cancels).toHaveLength(0);
    await act.dblclick();
    await page.locator('[data-task="tidy"][data-status="running"]').waitFor();
    expect(cancels).toHaveLength(1);
    await page.getByRole("button", { name: "Cancel clean-up tasks too" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel clean-up tasks too" }).click();
    await page.locator("[data-run-status=cancelled]").waitFor();
    expect(cancels).toHaveLength(2);
  }, 60_000);
});
