import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb } from "../../support/web/web.ts";

const JOBS = { "jobs.yaml": 'id: hello\ntasks: [{id: only, type: command, command: "true"}]\n' };

const SYSTEM = "**/assets/system-view*";
const HEALTH = "**/api/health";

describe.skipIf(CHROMIUM === null)("a module that the page loads on demand", () => {
  let petit: Petit | undefined;
  const running = (): Petit => {
    if (petit === undefined) throw new Error("not started");
    return petit;
  };
  beforeAll(async () => {
    petit = await startPetit({ jobs: JOBS });
  }, 60_000);
  afterAll(async () => await petit?.[Symbol.asyncDispose](), 30_000);

  test("is preloaded, so that the page works without petit", async () => {
    await using web = await openWeb(running());
    const { page } = web;
    const loaded = ["jobs", "job", "runs", "run", "system", "graph"].map((name) =>
      page.waitForResponse((response) => response.url().includes(`/assets/${name}-view`), { timeout: 20_000 }),
    );
    await web.open("/runs");
    await page.mouse.move(10, 10);
    await Promise.all(loaded);
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("is preloaded if it is a dialog, so that it opens without petit", async () => {
    await using web = await openWeb(running());
    const { page } = web;
    const loaded = ["run", "retry", "cancel", "handle", "decision", "period"].map((name) =>
      page.waitForResponse((response) => response.url().includes(`/assets/${name}-dialog`)),
    );
    await web.open("/");
    await page.mouse.move(10, 10);
    await Promise.all(loaded);
    await page.context().setOffline(true);
    await page.getByRole("button", { name: "Period…" }).click();
    await page.getByRole("dialog").waitFor();
  }, 60_000);

  test("is reported by a dialog if petit has it no longer", async () => {
    await using web = await openWeb(running());
    const { page } = web;
    await page.route("**/assets/period-dialog*", (route) => route.fulfill({ status: 404, json: {} }));
    await web.open("/");
    await page.getByRole("button", { name: "Period…" }).click();
    await page.getByText("petit has another version than this page").waitFor();
  }, 60_000);

  test("is retried while petit is unreachable", async () => {
    await using web = await openWeb(running());
    const { page } = web;
    await page.route(SYSTEM, (route) => route.abort());
    await web.open("/runs");
    await page.route(HEALTH, (route) => route.abort());
    await page.getByRole("link", { name: "System", exact: true }).click();
    await page.getByLabel("loading the view").waitFor();
    await page.waitForRequest(HEALTH);
    await page.unroute(SYSTEM);
    await page.unroute(HEALTH);
    await page.getByRole("heading", { name: "System", level: 1 }).waitFor();
  }, 60_000);

  test("reports another version if petit no longer has it", async () => {
    await using web = await openWeb(running());
    const { page } = web;
    await page.route(SYSTEM, (route) => route.fulfill({ status: 404, json: { error: "gone", code: "NOT_FOUND" } }));
    await web.open("/runs");
    await page.getByRole("link", { name: "System", exact: true }).click();
    await page.getByText("petit has another version than this page").waitFor();
    expect(await web.axe()).toEqual([]);
    await page.unroute(SYSTEM);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "System", level: 1 }).waitFor();
  }, 60_000);

  test("is not waited for by the data of the first view, which is all asked for before the first render", async () => {
    const link = (await fetch(`${running().url}/`)).headers.get("link") ?? "";
    const preloaded = [...link.matchAll(/<(\/api\/[^>?]*)/g)].map(([, path = ""]) => path);
    await using web = await openWeb(running());
    await web.page.addInitScript(RECORD_FIRST_REQUESTS);
    await web.open("/");
    expect(await web.page.evaluate("window.firstRequests")).toEqual(expect.arrayContaining(preloaded));
  }, 60_000);
});

/** Records the paths that the page asks for before it has a heading. */
const RECORD_FIRST_REQUESTS = `
  window.firstRequests = [];
  const { fetch } = window;
  window.fetch = (url, options) => {
    if (document.querySelector("h1") === null) window.firstRequests.push(new URL(url, location).pathname);
    return fetch(url, options);
  };
`;
