import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { post, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const JOBS = { "jobs.yaml": 'id: hello\nname: Hello\ntasks: [{id: only, type: command, command: "true"}]\n' };

describe.skipIf(CHROMIUM === null)("the dashboard while petit restarts", () => {
  test("reports that petit is unreachable, keeps its data, and catches up after the restart", async () => {
    const first = await startPetit({ jobs: JOBS });
    const { port } = new URL(first.url);
    await using web = await openWeb(first);
    const { page } = web;
    await web.open("/runs");
    await page.locator("[data-connection=connected]").waitFor();
    const before = await runToEnd(first, "hello");
    await page.locator(`a[href="/runs/${before.id}"]`).waitFor();
    await first.kill();
    await page.locator("[data-connection=reconnecting]").waitFor();
    await page.getByText("petit is unreachable").waitFor();
    expect(await page.locator(`a[href="/runs/${before.id}"]`).count()).toBeGreaterThan(0);
    expect(await web.axe()).toEqual([]);
    const meanwhile = await startPetit({ dir: first.dir });
    const missed = await runToEnd(meanwhile, "hello");
    await post(meanwhile, "/api/scheduler/pause");
    await meanwhile.stop();
    writeFileSync(
      join(first.jobsDir, "new.yaml"),
      "id: newcomer\ntasks: [{id: only, type: command, command: 'true'}]\n",
    );
    await using second = await startPetit({ dir: first.dir, args: ["--api-port", port] });
    expect(second.url).toBe(first.url);
    await page.locator("[data-connection=connected]").waitFor();
    await page.locator(`a[href="/runs/${missed.id}"]`).waitFor();
    await page.locator("[data-scheduler=paused]").waitFor();
    await becomes(() => page.getByText("petit is unreachable").count(), 0);
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await page.getByRole("link", { name: "newcomer" }).first().waitFor();
    // Live updates continue.
    const next = await runToEnd(second, "newcomer");
    await page.goto(`${second.url}/runs`);
    await page.locator(`a[href="/runs/${next.id}"]`).waitFor();
  }, 90_000);
});
