import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, post } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { loaded, openWeb } from "../../support/web/web.ts";

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

describe.skipIf(CHROMIUM === null)("the dashboard", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS }));

  test("navigates between views and back without a reload", async () => {
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

  test("answers an unknown path with 404", async () => {
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

  test("shows a page with a way home at an unknown path", async () => {
    const { petit } = running();
    await using web = await openWeb({ url: petit.url });
    const { page } = web;
    for (const path of ["/nowhere", "/jobs/hello/nothing", "/index.html"]) {
      const response = await page.goto(`${petit.url}${path}`);
      expect(response?.status()).toBe(404);
      await page.getByRole("heading", { name: "Page not found" }).waitFor();
    }
    expect(await web.axe()).toEqual([]);
    await page.getByRole("main").getByRole("link", { name: "See what is running now" }).click();
    await page.waitForURL(`${petit.url}/`);
    expect(web.complaints()).toEqual(["404 /nowhere", "404 /jobs/hello/nothing", "404 /index.html"]);
  }, 30_000);

  test("works with the keyboard, and lists the shortcuts", async () => {
    const { web } = running();
    const { page } = web;
    await web.open("/jobs");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
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

  test("opens jobs and views from any view", async () => {
    const { web } = running();
    const { page } = web;
    await web.open("/system");
    await page.keyboard.press("/");
    await page.keyboard.type("oth");
    await page.getByRole("option", { name: "other" }).waitFor();
    expect(await web.axe()).toEqual([]);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/jobs/other");
    await loaded(page);
    await page.keyboard.press("/");
    await page.keyboard.type("e");
    await page.getByRole("option").nth(2).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/jobs?q=e");
    for (const [key, path] of [
      ["r", "/runs"],
      ["s", "/system"],
      ["n", "/"],
      ["j", "/jobs"],
    ] as const) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await page.waitForURL(`**${path}`);
      await loaded(page);
    }
  }, 60_000);

  test("explains itself until the user dismisses the welcome", async () => {
    const { petit } = running();
    await using fresh = await openWeb(petit);
    const { page } = fresh;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await fresh.open("/");
    const hint = page.getByRole("complementary", { name: "Welcome" });
    const line = `curl -X POST ${petit.url}/api/jobs/hello/trigger`;
    await hint.getByRole("button", { name: `Copy: ${line}` }).click();
    await hint.getByText("Copied").waitFor();
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe(line);
    await hint.getByRole("button", { name: "Got it" }).click();
    await hint.waitFor({ state: "detached" });
    await fresh.open("/");
    expect(await hint.count()).toBe(0);
  }, 60_000);

  test("reports an unknown job and an unknown run", async () => {
    const { web } = running();
    for (const path of ["/jobs/nobody", "/runs/019b76da-a800-7c3e-8f2b-5d1c9a7e4f60"]) {
      await web.page.goto(`${running().petit.url}${path}`);
      await web.page.getByRole("alert").first().waitFor();
      expect(await web.page.getByRole("alert").first().textContent()).toContain("not found");
      expect(await web.page.getByRole("button", { name: "Try again" }).count()).toBe(0);
      await web.page.getByRole("alert").first().getByRole("link", { name: "all runs" }).waitFor();
      expect(await web.axe()).toEqual([]);
    }
  }, 60_000);
});

describe.skipIf(CHROMIUM === null)("the dashboard without jobs", () => {
  test("shows empty states, and a job when its file is created", async () => {
    await using petit = await startPetit();
    await using web = await openWeb(petit);
    const { page } = web;
    for (const path of ["/", "/jobs", "/runs", "/system"]) {
      await web.open(path);
      expect(await web.axe()).toEqual([]);
    }
    await web.open("/jobs");
    await page.getByRole("button", { name: "Copy: petit init" }).waitFor();
    writeFileSync(join(petit.jobsDir, "jobs.yaml"), JOBS["jobs.yaml"]);
    await page.getByRole("link", { name: "Hello" }).first().waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});
