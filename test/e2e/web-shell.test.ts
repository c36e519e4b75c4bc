import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CHROMIUM } from "../support/browser.ts";
import { type Petit, startPetit } from "../support/petit.ts";
import { ask, post, runToEnd } from "../support/petit-api.ts";
import { loaded, openWeb, type Web } from "../support/web.ts";
import { VIEWS } from "../support/web-views.ts";

const JOBS = {
  "jobs.yaml": `
id: hello
name: Hello
schedule: {cron: "0 3 * * *", timezone: Asia/Kathmandu}
tasks: [{id: only, type: command, command: "true"}]
---
id: other
tasks: [{id: only, type: command, command: "true"}]
`,
};

const TOKEN = "correct-horse-battery-staple-0123456789";

describe.skipIf(CHROMIUM === null)("the dashboard", () => {
  let [petit, web]: [Petit?, Web?] = [];
  let runId = "";
  const running = (): { petit: Petit; web: Web } => {
    if (petit === undefined || web === undefined) throw new Error("not started");
    return { petit, web };
  };
  beforeAll(async () => {
    petit = await startPetit({ jobs: JOBS });
    [web, { id: runId }] = await Promise.all([openWeb(petit), runToEnd(petit, "hello")]);
  }, 30_000);
  afterAll(async () => {
    for (const each of [web, petit]) await each?.[Symbol.asyncDispose]();
  }, 30_000);

  test.each(VIEWS)(
    "opens at the view $name by its address, with nothing to complain of",
    async ({ path, heading }) => {
      const { web } = running();
      const since = web.complaints().length;
      await web.open(path({ jobId: "hello", runId }));
      expect(await web.page.locator("h1").textContent()).toMatch(heading);
      expect(await web.page.title()).toMatch(/ · petit$/);
      await web.page.locator("[data-connection=connected]").waitFor();
      expect(web.complaints().slice(since)).toEqual([]);
    },
    30_000,
  );

  for (const colorScheme of ["light", "dark"] as const) {
    test.each(VIEWS)(
      `has nothing that axe-core finds in the view $name, ${colorScheme}`,
      async ({ path }) => {
        const { web } = running();
        await web.page.emulateMedia({ colorScheme });
        await web.open(path({ jobId: "hello", runId }));
        expect(await web.axe()).toEqual([]);
        await web.page.emulateMedia({ colorScheme: "light" });
      },
      30_000,
    );
  }

  test("goes from view to view without being loaded again, and back", async () => {
    const { web } = running();
    const { page } = web;
    await web.open("/");
    await page.evaluate("window.isTheSame = true");
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await page.waitForURL("**/jobs");
    await page.getByRole("link", { name: "Hello" }).first().click();
    await page.waitForURL("**/jobs/hello");
    await page.goBack();
    await page.waitForURL("**/jobs");
    await page.goBack();
    await loaded(page);
    expect(new URL(page.url()).pathname).toBe("/");
    expect(await page.locator("h1").textContent()).toMatch(/^Now/);
    expect(await page.evaluate("window.isTheSame")).toBe(true);
  }, 30_000);

  test("says so where there is no such page", async () => {
    const { petit } = running();
    const { status, body } = await ask(petit, "/nowhere");
    expect([status, body.code]).toEqual([404, "NOT_FOUND"]);
    expect((await post(petit, "/jobs")).body).toEqual({ error: expect.any(String), code: "METHOD_NOT_ALLOWED" });
    const head = await petit.fetch("/jobs", { method: "HEAD" });
    expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([
      200,
      "text/html;charset=utf-8",
      "",
    ]);
  });

  test("is moved through by keyboard, and tells how", async () => {
    const { web } = running();
    const { page } = web;
    await web.open("/jobs");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    expect(await page.getByRole("dialog").textContent()).toContain("Search");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("/");
    await page.keyboard.type("hel");
    await page.waitForURL("**/jobs?q=hel");
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/jobs/hello");
  }, 30_000);
});

describe.skipIf(CHROMIUM === null)("the dashboard of a petit with a token", () => {
  test("asks for it, keeps it in the session alone, and asks again for a wrong one", async () => {
    await using petit = await startPetit({ jobs: JOBS, env: { PETIT_API_TOKEN: TOKEN } });
    for (const path of ["/", "/jobs/hello"]) expect((await petit.fetch(path)).status).toBe(200);
    await using web = await openWeb(petit);
    const { page } = web;
    await page.goto(`${petit.url}/jobs`);
    const give = async (token: string): Promise<void> => {
      await page.getByRole("textbox", { name: "Token" }).fill(token);
      await page.getByRole("button", { name: "Continue" }).click();
    };
    await give("wrong");
    await page.getByText("petit refused that token").waitFor();
    expect(await web.axe()).toEqual([]);
    await give(TOKEN);
    await page.getByRole("link", { name: "Hello" }).first().waitFor();
    await page.locator("[data-connection=connected]").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(await page.evaluate("Object.values(sessionStorage)")).toEqual([TOKEN]);
    expect(await page.evaluate("[localStorage.length, document.cookie]")).toEqual([0, ""]);
    expect(page.url()).not.toContain(TOKEN);
    await page.reload();
    await page.getByRole("link", { name: "Hello" }).first().waitFor();
    expect(web.complaints().filter((text) => !text.startsWith("401 "))).toEqual([]);
  }, 60_000);
});

describe.skipIf(CHROMIUM === null)("the dashboard of a petit that is started anew", () => {
  test("says that petit is away, and catches up when it is back", async () => {
    const first = await startPetit({ jobs: JOBS });
    const { port } = new URL(first.url);
    await using web = await openWeb(first);
    const { page } = web;
    await web.open("/jobs");
    await page.locator("[data-connection=connected]").waitFor();
    await first.stop();
    await page.locator("[data-connection=reconnecting]").waitFor();
    await page.getByText("petit went away").waitFor();
    // What was known stays readable.
    expect(await page.getByRole("link", { name: "Hello" }).count()).toBeGreaterThan(0);
    expect(await web.axe()).toEqual([]);
    writeFileSync(
      join(first.jobsDir, "new.yaml"),
      "id: newcomer\ntasks: [{id: only, type: command, command: 'true'}]\n",
    );
    await using second = await startPetit({ dir: first.dir, args: ["--api-port", port] });
    await page.locator("[data-connection=connected]").waitFor();
    await page.getByRole("link", { name: "newcomer" }).first().waitFor();
    expect(second.url).toBe(first.url);
  }, 60_000);
});
