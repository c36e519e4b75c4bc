import { describe, expect, test } from "bun:test";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb } from "../../support/web/web.ts";

const JOBS = { "jobs.yaml": 'id: hello\nschedule: "@hourly"\ntasks: [{id: only, type: command, command: "true"}]\n' };

const MAX_BYTES = 300 * 1024;

describe.skipIf(CHROMIUM === null)("the first view", () => {
  test("loads less than 300 KB in all, compressed", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    await using web = await openWeb(petit);
    const files: Promise<number>[] = [];
    web.page.on("requestfinished", (request) => {
      // The stream of events ends with the page.
      const size = request.sizes().then((sizes) => sizes.responseBodySize);
      files.push(size.catch(() => 0));
    });
    await web.open("/");
    await web.page.locator("[data-connection=connected]").waitFor();
    const bytes = (await Promise.all(files)).reduce((sum, size) => sum + size, 0);
    console.log(`the first view loads ${(bytes / 1024).toFixed(1)} KB in ${files.length} responses`);
    expect(bytes).toBeGreaterThan(10 * 1024);
    expect(bytes).toBeLessThan(MAX_BYTES);
  }, 60_000);
});
