import { describe, expect, test } from "bun:test";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { becomes, openWeb, type Web } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": 'id: hello\nname: Hello\nschedule: "@yearly"\ntasks: [{id: only, type: command, command: "true"}]\n',
};

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const create = async (petit: Petit, name: string, role: string, by = ""): Promise<string> =>
  (await post(petit, "/api/tokens", { name, role }, bearer(by))).body.token;

const logIn = async ({ page }: Web, token: string): Promise<void> => {
  await page.getByRole("textbox", { name: "Token" }).fill(token);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator("[data-connection=connected]").waitFor();
};

/** The actions that the page lists, and whether each was allowed. */
const listed = ({ page }: Pick<Web, "page">): Promise<readonly string[]> =>
  page
    .locator("[data-audit]")
    .evaluateAll((rows) =>
      rows.map(
        (row) =>
          `${row.getAttribute("data-action")} ${row.getAttribute("data-allowed") === "true" ? "done" : "denied"}`,
      ),
    );

describe.skipIf(CHROMIUM === null)("the view of the audit log", () => {
  test("lists who did what, with links, filters in the URL, and an export of what they select", async () => {
    await using petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
    const { id: runId } = await runToEnd(petit, "hello");
    const ada = await create(petit, "ada", "admin");
    const olga = await create(petit, "olga", "operator", ada);
    await post(petit, "/api/jobs/hello/pause", {}, bearer(olga));
    expect((await post(petit, "/api/jobs/reload", {}, bearer(olga))).status).toBe(403);
    await using web = await openWeb(petit);
    const { page } = web;
    await page.goto(`${petit.url}/system`);
    await logIn(web, ada);
    await page.getByRole("link", { name: "Audit log" }).click();
    await page.locator('[data-action="job.pause"]').getByText("paused a job").waitFor();
    const denied = page.locator('[data-action="jobs.reload"]');
    await denied.getByText("denied").waitFor();
    await denied.getByText("operator").waitFor();
    expect(
      await page.locator('[data-action="job.trigger"]').getByRole("link", { name: "hello" }).getAttribute("href"),
    ).toBe("/jobs/hello");
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [390, 768, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        expect(await web.axe()).toEqual([]);
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
      }
    }
    await page.getByRole("button", { name: "olga" }).first().click();
    await page.waitForURL("**/system/audit?who=olga");
    await becomes(() => listed(web), ["jobs.reload denied", "job.pause done"]);
    await page.getByLabel("Result").selectOption("denied");
    await page.waitForURL("**/system/audit?who=olga&denied=yes");
    await becomes(() => listed(web), ["jobs.reload denied"]);
    const href = (await page.getByRole("link", { name: "Export as JSON lines" }).getAttribute("href")) ?? "";
    const lines = (await (await petit.fetch(href, { headers: bearer(ada) })).text()).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { who: "olga", action: "jobs.reload", allowed: false },
    ]);
    await page.getByLabel("Action").selectOption("token: all");
    await page.getByText("No matching entries").waitFor();
    await page.getByRole("button", { name: "Show all entries" }).click();
    await becomes(async () => (await listed(web)).length >= 6, true);
    await page.getByLabel("Action").selectOption("token: all");
    await becomes(() => listed(web), ["token.create done", "token.create done"]);
    await web.open("/system/audit?job=hello&action=job.&since=24h");
    await becomes(() => listed(web), ["job.pause done", "job.trigger done"]);
    await post(petit, "/api/jobs/hello/resume", {}, bearer(olga));
    await page.getByRole("button", { name: "Look for newer entries" }).click();
    await becomes(() => listed(web), ["job.resume done", "job.pause done", "job.trigger done"]);
    await web.open(`/runs/${runId}`);
    await page.getByRole("link", { name: "audit log" }).click();
    await page.waitForURL(`**/system/audit?run=${runId}`);
    await becomes(() => listed(web), ["job.trigger done"]);
    expect(web.complaints().filter((text) => !text.startsWith("401 "))).toEqual([]);
  }, 60_000);

  test("has pages, and is absent for those who are no admins", async () => {
    await using petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
    await using web = await openWeb(petit);
    const { page } = web;
    await web.open("/system/audit?who=nobody");
    await page.getByText("No matching entries").waitFor();
    const total = 130;
    for (let each = 0; each < total; each++)
      await post(petit, `/api/jobs/hello/${each % 2 === 0 ? "pause" : "resume"}`);
    await web.open("/system/audit?job=hello&action=job.");
    await becomes(async () => (await listed(web)).length, 100);
    await page.getByRole("link", { name: "Older" }).click();
    await becomes(async () => (await listed(web)).length, total - 100);
    expect(await page.getByRole("link", { name: "Older" }).count()).toBe(0);
    await page.getByRole("link", { name: "Newest" }).click();
    await becomes(async () => (await listed(web)).length, 100);
    const ada = await create(petit, "ada", "admin");
    const vic = await create(petit, "vic", "viewer", ada);
    await page.goto(`${petit.url}/system/audit`);
    await logIn(web, vic);
    await page.getByText("Only admins see the audit log").waitFor();
    await web.open("/system");
    await becomes(() => page.getByRole("link", { name: "Audit log" }).count(), 0);
    const { id: runId } = await ask(petit, "/api/runs", { headers: bearer(vic) }).then(
      ({ body }) => body.runs[0] ?? {},
    );
    expect(runId).toBeUndefined();
    expect(web.complaints().filter((text) => !text.startsWith("401 "))).toEqual([]);
  }, 60_000);
});
