import { describe, expect, test } from "bun:test";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb } from "../../support/web/web.ts";

const JOBS = { "jobs.yaml": 'id: hello\nschedule: "@hourly"\ntasks: [{id: only, type: command, command: "true"}]\n' };

const MAX_SCRIPT_BYTES = 300 * 1024;

describe.skipIf(CHROMIUM === null)("the first view", () => {
  test("loads less than 300 KB of compressed script", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    await using web = await openWeb(petit);
    const scripts: Promise<number>[] = [];
    web.page.on("requestfinished", (request) => {
      if (request.resourceType() === "script") scripts.push(request.sizes().then((sizes) => sizes.responseBodySize));
    });
    await web.open("/");
    await web.page.locator("[data-connection=connected]").waitFor();
    const bytes = (await Promise.all(scripts)).reduce((sum, size) => sum + size, 0);
    console.log(`the first view loads ${(bytes / 1024).toFixed(1)} KB of compressed script in ${scripts.length} files`);
    expect(bytes).toBeGreaterThan(10 * 1024);
    expect(bytes).toBeLessThan(MAX_SCRIPT_BYTES);
  }, 60_000);
});
