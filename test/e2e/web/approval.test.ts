import { describe, expect, test } from "bun:test";
import { ask, post } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";

const JOBS = {
  "deploy.yaml": `
id: deploy
params: {to: {default: staging}}
tasks:
  - {id: confirm, name: Go live, type: approval, prompt: "Deploy to \${{ params.to }}?", timeout: 8h}
  - {id: release, type: shell, script: echo released, depends_on: [confirm]}
`,
};

describe.skipIf(CHROMIUM === null)("an approval", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS }));

  test("is asked for on the first page, with its prompt, and continues the run", async () => {
    const { petit, web, page } = running();
    await web.open("/");
    const { run_id } = (await post(petit, "/api/jobs/deploy/trigger")).body;
    const row = page.locator('[data-kind="approval_needed"]');
    await row.getByText("Deploy to staging?").waitFor();
    expect(await web.axe()).toEqual([]);
    await row.getByRole("button", { name: "Approve" }).click();
    const dialog = page.getByRole("dialog", { name: `Approve Go live of deploy, run ${run_id.slice(-8)}?` });
    await dialog.getByLabel("Comment").fill("numbers are fine");
    expect(await web.axe()).toEqual([]);
    await dialog.getByRole("button", { name: "Approve" }).click();
    await row.waitFor({ state: "detached" });
    await dialog.waitFor({ state: "detached" });
    const { tasks } = (await ask(petit, `/api/runs/${run_id}/tasks`)).body;
    expect(tasks[0]).toMatchObject({
      status: "completed",
      outputs: { decision: "approved", comment: "numbers are fine" },
    });
  }, 60_000);

  test("is no running run in any list, and can be approved on the page of its job", async () => {
    const { petit, web, page } = running();
    await web.open("/jobs");
    const { run_id } = (await post(petit, "/api/jobs/deploy/trigger")).body;
    // The page learns it from an event.
    await page.locator(".jobs-last").getByText("waits for approval").waitFor();
    const { body: listed } = await ask(petit, "/api/runs?status=running");
    expect(listed.runs).toMatchObject([{ id: run_id, status: "running", waiting_for: "approval" }]);
    const { body: stats } = await ask(petit, "/api/stats");
    expect(stats).toMatchObject({ running: 1, waiting: { approval: 1 } });
    await web.open("/runs?status=running");
    await page.getByRole("row", { name: /waits for approval/ }).waitFor();
    await web.open("/");
    await page.locator(`.now-running[data-run="${run_id}"]`).getByText("waits for approval").first().waitFor();
    await page.getByRole("heading", { name: "Running 1 waiting for approval" }).waitFor();
    await web.open("/jobs/deploy");
    const panel = page.locator('[data-approval="confirm"]');
    await page.getByText("1 waiting for approval").waitFor();
    expect(await web.axe()).toEqual([]);
    await panel.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
    await panel.waitFor({ state: "detached" });
    await page.locator(".job-result").getByText("completed").waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("can be rejected on the page of its run, with the keyboard", async () => {
    const { petit, web, page } = running();
    const { run_id } = (await post(petit, "/api/jobs/deploy/trigger", { params: { to: "production" } })).body;
    await web.open(`/runs/${run_id}`);
    const panel = page.locator('[data-approval="confirm"]');
    await panel.getByText("Deploy to production?").waitFor();
    await panel.getByRole("button", { name: "Reject" }).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: `Reject Go live of deploy, run ${run_id.slice(-8)}?` });
    await dialog.getByRole("button", { name: "Reject" }).focus();
    await page.keyboard.press("Enter");
    await panel.waitFor({ state: "detached" });
    await page.locator('[data-run-status="failed"]').waitFor();
    await page.getByText("Task 'confirm' was rejected by 127.0.0.1", { exact: true }).waitFor();
    const { tasks } = (await ask(petit, `/api/runs/${run_id}/tasks`)).body;
    expect(tasks[0]).toMatchObject({ status: "failed", reason: "rejected" });
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});
