import { describe, expect, test } from "bun:test";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { VIEWS } from "../../support/web/views.ts";
import { loaded, openWeb } from "../../support/web/web.ts";

const EVIL = `<script>alert(1)</script><img src=x onerror="alert(2)"><svg onload=alert(3)><a href="javascript:alert(4)">x</a>`;
const TEXT = JSON.stringify(EVIL);

const JOBS = {
  "evil.yaml": `
id: evil
name: ${TEXT}
description: ${TEXT}
params: {note: {description: ${TEXT}, default: ${TEXT}}}
tasks:
  - id: first
    name: ${TEXT}
    type: shell
    script: |
      printf '%s\\n' "$TEXT" "\\033[31m$TEXT\\033[0m" "\\033]8;;javascript:alert(5)\\033\\\\link\\033]8;;\\033\\\\"
      echo "out=$TEXT" >> "$PETIT_OUTPUT"
    environment: {TEXT: ${TEXT}}
  - {id: second, type: command, command: ${TEXT}, depends_on: [first]}
`,
  "broken.yaml": `id: broken\n${TEXT}: 1\n`,
};

describe.skipIf(CHROMIUM === null)("HTML in the texts of jobs", () => {
  test("is shown as text in every view", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    const { id } = await runToEnd(petit, "evil");
    expect((await ask(petit, `/api/runs/${id}`)).body.status).toBe("failed");
    await post(petit, "/api/jobs/reload");
    await using web = await openWeb(petit);
    const { page } = web;
    const dialogs: string[] = [];
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    for (const { path } of VIEWS) {
      await web.open(path({ jobId: "evil", runId: id }));
      await page.locator("[data-connection=connected]").waitFor();
      expect(await page.locator("main :is(script, img, [onload], [onerror], [href^='javascript:'])").count()).toBe(0);
    }
    await web.open("/jobs/evil");
    expect(await page.getByText(EVIL).count()).toBeGreaterThan(0);
    await page.keyboard.press("r");
    await loaded(page);
    await page.keyboard.press("Escape");
    await page.goto(`${petit.url}/jobs?q=${encodeURIComponent(EVIL)}`);
    await loaded(page);
    // The complaints include violations of the content security policy.
    expect([dialogs, web.complaints()]).toEqual([[], []]);
  }, 90_000);
});
