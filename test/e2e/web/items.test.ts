import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const numbers = (count: number): string => Array.from({ length: count }, (_, at) => at).join(", ");

const JOBS = {
  "jobs.yaml": `
id: many
params: {list: {default: all}}
tasks:
  - {id: list, type: shell, script: 'echo 1 > "$PETIT_ARTIFACTS/list.txt"'}
  - id: each
    name: Each number
    type: shell
    matrix: {tens: [${numbers(100)}], ones: [${numbers(10)}]}
    item_key: n\${{ matrix.tens }}\${{ matrix.ones }}
    max_parallel: 50
    max_failures: 100%
    retry: {max_attempts: 1, delay: 1ms}
    script: 'echo "this is item $PETIT_ITEM_INDEX"; test "$PETIT_ITEM_INDEX" != 998'
---
id: late
tasks:
  - {id: each, type: shell, foreach: [late-gate, never-gate], script: 'until test -e "$PETIT_ITEM"; do sleep 0.05; done'}
---
id: gated
tasks:
  - {id: each, type: shell, foreach: [done, waits], item_key: "\${{ item }}", script: 'case $PETIT_ITEM in waits) until test -e gate; do sleep 0.05; done;; esac'}
`,
};

describe.skipIf(CHROMIUM === null)("the items of a task", () => {
  let runId = "";
  const running = sharedWeb(
    () => startPetit({ jobs: JOBS }),
    async (petit) => {
      runId = (await runToEnd(petit, "many")).id;
    },
  );

  test("are counted in the graph and the list of tasks", async () => {
    const { web } = running();
    await web.open(`/runs/${runId}`);
    await web.page.locator("[data-task=each]").getByText("1,000/1,000, 1 failed").waitFor();
    await web.page.locator(".log-task").getByText("each[n00]", { exact: true }).waitFor();
    await web.open(`/runs/${runId}?tab=tasks`);
    await web.page.locator("[data-gantt=each]").getByText("1,000/1,000").waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("scroll, with only the visible ones in the page, and lead to their logs", async () => {
    const { web } = running();
    const { page } = web;
    await web.open(`/runs/${runId}?tab=items`);
    await page.locator("[data-item='0']").waitFor();
    const list = page.getByRole("region", { name: "Items" });
    await list.focus();
    await page.keyboard.press("End");
    const last = page.locator("[data-item='999']");
    await last.waitFor();
    expect(await page.locator("[data-item]").count()).toBeLessThan(100);
    await page.keyboard.press("Home");
    // Failed items come first.
    const [first, second] = [page.locator(".item-row").nth(0), page.locator(".item-row").nth(1)];
    await first.getByText("n998", { exact: true }).waitFor();
    await second.getByText("n00", { exact: true }).waitFor();
    await page.locator("[data-item='998']").click();
    await page.waitForURL("**&task=each&item=998");
    await page.locator(".log-row").getByText("this is item 998").first().waitFor();
    await becomes(() => page.locator(".log-row").getByText("this is item").count(), 2);
    await page.getByLabel("Attempt").selectOption("Attempt 2");
    await page.waitForURL("**&item=998&attempt=2");
    expect(await web.axe()).toEqual([]);
    await page.getByRole("button", { name: /show all items/ }).click();
    await page.waitForURL((url) => !url.searchParams.has("item") && !url.searchParams.has("attempt"));
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("are filtered by status", async () => {
    const { web } = running();
    const { page } = web;
    await web.open(`/runs/${runId}?tab=items`);
    await page.getByRole("button", { name: "1 failed" }).click();
    await page.locator("[data-item='998']").getByText("exit code 1").waitFor();
    await becomes(() => page.locator("[data-item]").count(), 1);
    expect(await page.locator(".item-row").textContent()).toContain("2 attempts");
    await page.getByRole("button", { name: "999 completed" }).click();
    await page.locator("[data-item='0']").waitFor();
  }, 60_000);

  test("are followed if one ends before the page has opened its event stream", async () => {
    const { petit } = running();
    await using web = await openWeb(petit);
    const { page } = web;
    const { body } = await post(petit, "/api/jobs/late/trigger");
    const opened = Promise.withResolvers<void>();
    await page.route("**/api/events", async (route) => {
      await opened.promise;
      await route.continue();
    });
    await web.open(`/runs/${body.run_id}`);
    await page.locator("[data-task=each]").getByText("0/2").waitFor();
    writeFileSync(join(petit.dir, "late-gate"), "");
    await becomes(async () => (await ask(petit, `/api/runs/${body.run_id}/tasks`)).body.tasks[0].items.completed, 1);
    opened.resolve();
    await page.locator("[data-task=each]").getByText("1/2").waitFor();
    await post(petit, `/api/runs/${body.run_id}/cancel`);
  }, 60_000);

  test("are followed while they run", async () => {
    const { petit, web } = running();
    const { page } = web;
    const { body } = await post(petit, "/api/jobs/gated/trigger");
    await web.open(`/runs/${body.run_id}`);
    await page.locator("[data-task=each]").getByText("1/2").waitFor();
    await web.open(`/runs/${body.run_id}?tab=items`);
    await page.locator("[data-item='1']").getByText("running").waitFor({ state: "attached" });
    await post(petit, `/api/runs/${body.run_id}/cancel`);
    await page.locator("[data-item='1']").getByText("cancelled: ").waitFor({ state: "attached" });
    expect((await ask(petit, `/api/runs/${body.run_id}`)).body.status).toBe("cancelled");
  }, 60_000);

  test("fit a phone, in the dark", async () => {
    const { petit } = running();
    await using phone = await openWeb({ url: petit.url, viewport: { width: 390, height: 844 }, colorScheme: "dark" });
    await phone.open(`/runs/${runId}?tab=items`);
    await phone.page.locator("[data-item='0']").waitFor();
    await becomes(() => phone.page.evaluate("document.documentElement.scrollWidth"), 390);
    expect(await phone.axe()).toEqual([]);
  }, 60_000);
});
