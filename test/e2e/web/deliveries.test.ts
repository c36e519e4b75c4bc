import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes } from "../../support/web/web.ts";

const MARKUP = "<b>push</b>";

const JOBS = {
  "hooked.yaml": `
id: hooked
triggers:
  - {type: webhook, name: deploys, verify: stripe, secret: {file: hook.secret}}
  - {type: webhook, name: token, verify: token, secret: {file: hook.secret}, if: "event.body.run == true"}
tasks: [{id: only, type: command, command: "true"}]
`,
  "hook.secret": "secret",
  "inbox.yaml": `
id: inbox
triggers: [{type: files, paths: ["in/*.csv"], settle: 0s}]
tasks: [{id: only, type: command, command: "true"}]
`,
};

describe.skipIf(CHROMIUM === null)("the events of a job", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS }));

  test("are listed as they come with what became of each, and replayed with the keyboard alone", async () => {
    const { petit, web, page } = running();
    const test = (body: unknown): Promise<Response> =>
      petit.fetch("/api/jobs/hooked/hooks/test", { method: "POST", body: JSON.stringify(body) });
    await web.open("/jobs/hooked");
    const card = page.getByRole("region", { name: "Events", exact: true });
    await card.getByText("No event has reached this job yet.").waitFor();
    await test({ name: "token", body: "{}" });
    await test({ name: "deploys", body: JSON.stringify({ type: MARKUP, id: "e1" }) });
    const outcomes = () => card.locator("tbody tr").evaluateAll((rows) => rows.map((row) => row.dataset.outcome ?? ""));
    await becomes(outcomes, ["fired", "skipped"]);
    await card.getByText(`${MARKUP} to deploys`).waitFor();
    await card.getByText("It was skipped: the `if` of the trigger is false").waitFor();
    await card.getByRole("button", { name: `Replay ${MARKUP}` }).focus();
    await page.keyboard.press("Enter");
    await becomes(outcomes, ["fired", "fired", "skipped"]);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await web.axe()).toEqual([]);
    }
    expect(web.complaints()).toEqual([]);
    await card.getByRole("link", { name: "It has a run" }).first().click();
    await page.waitForURL("**/runs/*");
  }, 60_000);

  test("name the file, also on a phone", async () => {
    const { petit, web, page } = running();
    mkdirSync(join(petit.jobsDir, "in"));
    const name = `${"a".repeat(90)}.csv`;
    writeFileSync(join(petit.jobsDir, "in", name), "");
    await page.setViewportSize({ width: 390, height: 800 });
    await web.open("/jobs/inbox");
    await page.getByText(/^files \/.*a\.csv$/).waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    await page.setViewportSize({ width: 1280, height: 800 });
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("without a run are among the occurrences on Now as they come, are counted, and lead to the list", async () => {
    const { petit, web, page } = running();
    const send = (): Promise<Response> =>
      petit.fetch("/api/jobs/hooked/hooks/test", {
        method: "POST",
        body: JSON.stringify({ name: "token", body: "{}" }),
      });
    await send();
    await web.open("/");
    const row = (summary: RegExp) => page.getByRole("img", { name: summary });
    await row(/[1-9] events? skipped, the `if` of the trigger is false/).waitFor();
    await petit.fetch("/api/scheduler/pause", { method: "POST" });
    await petit.fetch("/api/jobs/hooked/hooks/test", {
      method: "POST",
      body: JSON.stringify({ name: "deploys", body: JSON.stringify({ type: MARKUP, id: "e2" }) }),
    });
    await row(/1 event waiting, the scheduler or the job is paused/).waitFor();
    const panel = page.getByRole("region", { name: /^Last 24 hours/ });
    await panel.getByRole("link", { name: "1 event waits" }).waitFor();
    await panel.getByRole("link", { name: /^[1-9] skipped/ }).waitFor();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await web.axe()).toEqual([]);
    }
    await petit.fetch("/api/scheduler/resume", { method: "POST" });
    await row(/1 event waiting/).waitFor({ state: "detached" });
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});
