import { describe, expect, test } from "bun:test";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb, type Web } from "../../support/web/web.ts";

const JOBS = { "jobs.yaml": 'id: hello\nname: Hello\ntasks: [{id: only, type: command, command: "true"}]\n' };

const TOKEN = "correct-horse-battery-staple-0123456789";

const enterToken = async ({ page }: Web, token: string): Promise<void> => {
  await page.getByRole("textbox", { name: "Token" }).fill(token);
  await page.getByRole("button", { name: "Continue" }).click();
};

describe.skipIf(CHROMIUM === null)("the dashboard with a token", () => {
  test("asks for the token, stores it for the session only, and asks again after a wrong one", async () => {
    await using petit = await startPetit({ jobs: JOBS, env: { PETIT_API_TOKEN: TOKEN } });
    for (const path of ["/", "/jobs/hello"]) expect((await petit.fetch(path)).status).toBe(200);
    await using web = await openWeb(petit);
    const { page } = web;
    await page.goto(`${petit.url}/jobs`);
    await enterToken(web, "wrong");
    await page.getByText("petit refused that token").waitFor();
    expect(await web.axe()).toEqual([]);
    // A copied token can contain invisible characters.
    await enterToken(web, `${TOKEN}\u200b${TOKEN}`);
    await page.getByText("A token contains no spaces and only ASCII characters").waitFor();
    await enterToken(web, TOKEN);
    await page.getByRole("link", { name: "Hello" }).first().waitFor();
    await page.locator("[data-connection=connected]").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(await page.evaluate("Object.values(sessionStorage)")).toEqual([TOKEN]);
    expect(await page.evaluate("[Object.values(localStorage).join(), document.cookie]")).toEqual(["", ""]);
    expect(page.url()).not.toContain(TOKEN);
    await page.reload();
    await page.getByRole("link", { name: "Hello" }).first().waitFor();
    expect(web.complaints().filter((text) => !text.startsWith("401 "))).toEqual([]);
  }, 60_000);

  test("works if the browser denies access to its storage", async () => {
    await using petit = await startPetit({ jobs: JOBS, env: { PETIT_API_TOKEN: TOKEN } });
    await using web = await openWeb(petit);
    await web.page.addInitScript(`for (const name of ["sessionStorage", "localStorage"])
      Object.defineProperty(window, name, { get: () => { throw new DOMException("denied", "SecurityError"); } });`);
    await web.page.goto(petit.url);
    await enterToken(web, TOKEN);
    await web.page.getByRole("button", { name: "Got it" }).click();
    await web.page.getByRole("link", { name: "Hello" }).first().waitFor();
  }, 60_000);

  test("asks again in another tab, and shows no data until then", async () => {
    await using petit = await startPetit({ jobs: JOBS, env: { PETIT_API_TOKEN: TOKEN } });
    await using web = await openWeb(petit);
    await web.page.goto(`${petit.url}/jobs`);
    await enterToken(web, TOKEN);
    await web.page.getByRole("link", { name: "Hello" }).first().waitFor();
    const other = await web.page.context().newPage();
    await other.goto(`${petit.url}/jobs`);
    await other.getByRole("dialog", { name: "This petit requires a token" }).waitFor();
    expect(await other.getByText("Hello").count()).toBe(0);
    // The dialog can't be closed.
    await other.keyboard.press("Escape");
    expect(await other.getByRole("dialog").count()).toBe(1);
  }, 60_000);
});
