import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { ask, post } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { becomes, openWeb, type Web } from "../../support/web/web.ts";

const JOBS = { "jobs.yaml": 'id: hello\nname: Hello\ntasks: [{id: only, type: command, command: "true"}]\n' };

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const create = async (petit: Petit, body: object, token = ""): Promise<string> =>
  (await post(petit, "/api/tokens", body, bearer(token))).body.token;

const logIn = async ({ page }: Web, token: string): Promise<void> => {
  await page.getByRole("textbox", { name: "Token" }).fill(token);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator("[data-connection=connected]").waitFor();
};

/** Fills in the form of a new token, creates it, and returns its text. */
const createOnPage = async (page: Page, name: string): Promise<string> => {
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("button", { name: "Create token", exact: true }).click();
  return (await page.locator("[data-new-token]").textContent()) ?? "";
};

describe.skipIf(CHROMIUM === null)("the view of tokens", () => {
  test("warns before the first token, shows it once, and logs in with it", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    await using web = await openWeb(petit);
    const { page } = web;
    await web.open("/system");
    await page.getByRole("link", { name: "Tokens" }).click();
    await page.getByRole("heading", { name: "petit stores no tokens" }).waitFor();
    await page.getByText("The first token ends that").waitFor();
    await page.getByRole("button", { name: "Create token…" }).click();
    await page.getByRole("heading", { name: "This is the first token" }).waitFor();
    await page.getByRole("radio", { name: "Viewer" }).check();
    await page.getByText("You will be a viewer").waitFor();
    await page.getByRole("radio", { name: "Admin" }).check();
    await page.getByRole("button", { name: "Create token", exact: true }).click();
    await page.getByText("A name is required.").waitFor();
    expect(await web.axe()).toEqual([]);
    const token = await createOnPage(page, "ada");
    await page.getByText("This browser is logged in with it.").waitFor();
    expect(await web.axe()).toEqual([]);
    // Neither Escape nor a click outside loses it.
    await page.keyboard.press("Escape");
    await page.mouse.click(5, 5);
    expect(await page.locator("[data-new-token]").textContent()).toBe(token);
    await page.getByRole("button", { name: "I have stored it" }).click();
    const row = page.locator("[data-token=ada]");
    await row.getByText("live").waitFor();
    await row.getByText("you", { exact: true }).waitFor();
    await page.locator("[data-connection=connected]").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(await page.content()).not.toContain(token);
    expect(await page.evaluate("[sessionStorage, localStorage].flatMap((area) => Object.values(area))")).not.toContain(
      token,
    );
    expect((await ask(petit, "/api/jobs")).status).toBe(401);
    expect((await ask(petit, "/api/jobs", { headers: bearer(token) })).status).toBe(200);
    await page.reload();
    await row.getByText("live").waitFor();
    expect(web.complaints().filter((text) => !text.startsWith("401 "))).toEqual([]);
  }, 60_000);

  test("replaces the token of the user without a new login, and says what ends with a revoked one", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    const ada = await create(petit, { name: "ada", role: "admin" });
    const ci = await create(petit, { name: "ci", role: "operator", expires_in_ms: 3 * 86_400_000 }, ada);
    await create(petit, { name: "old", role: "viewer", expires_in_ms: 1 }, ada);
    expect((await ask(petit, "/api/jobs", { headers: bearer(ci) })).status).toBe(200);
    await using web = await openWeb(petit);
    const { page } = web;
    await page.goto(`${petit.url}/system/tokens`);
    await logIn(web, ada);
    await page.locator("[data-token=ci]").getByText("expires soon").waitFor();
    await page.locator("[data-token=ci]").getByText("from 127.0.0.1").waitFor();
    await page.locator("[data-token=old]").getByText("expired").waitFor();
    for (const width of [390, 768, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      expect(await web.axe()).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    }
    await page.getByRole("button", { name: "Rotate ada" }).click();
    await page.getByLabel("The present one is valid").selectOption("no longer");
    await page.getByRole("button", { name: "Rotate token" }).click();
    const next = (await page.locator("[data-new-token]").textContent()) ?? "";
    await page.getByText("This browser is logged in with it.").waitFor();
    await page.getByRole("button", { name: "I have stored it" }).click();
    expect((await ask(petit, "/api/jobs", { headers: bearer(ada) })).status).toBe(401);
    expect((await ask(petit, "/api/jobs", { headers: bearer(next) })).status).toBe(200);
    await page.getByRole("button", { name: "Revoke ci" }).click();
    await page.getByText("It was last used").waitFor();
    expect(await page.getByText("You are logged in with it").count()).toBe(0);
    await page.getByRole("button", { name: "Revoke token" }).click();
    await page.locator("[data-token=ci]").waitFor({ state: "detached" });
    expect((await ask(petit, "/api/jobs", { headers: bearer(ci) })).status).toBe(401);
    await page.getByRole("button", { name: "Show 2 tokens that were revoked or replaced" }).click();
    await page.locator("[data-token=ci]").getByText("revoked").waitFor();
    // The expired one is not revoked, so the access without a token stays closed.
    await page.getByRole("button", { name: "Revoke old" }).click();
    await page.getByRole("button", { name: "Revoke token" }).click();
    await becomes(() => page.locator('[data-token=old][data-token-state="revoked"]').count(), 1);
    await page.getByRole("button", { name: "Revoke ada" }).click();
    await page.getByText("You are logged in with it").waitFor();
    await page.getByText("It is the last one").waitFor();
    await page.getByRole("button", { name: "Revoke token" }).click();
    await becomes(async () => (await ask(petit, "/api/jobs")).status, 200);
  }, 60_000);

  test("limits a token to jobs and tags, and says what is wrong with them", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    await using web = await openWeb(petit);
    const { page } = web;
    await web.open("/system/tokens");
    await page.getByRole("button", { name: "Create token…" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("ada");
    await page.getByLabel("Only jobs", { exact: true }).fill("etl_*");
    await page.getByText("You will be an admin, limited to some jobs").waitFor();
    await page.getByLabel("Only jobs", { exact: true }).fill("");
    await createOnPage(page, "ada");
    await page.getByRole("button", { name: "I have stored it" }).click();
    await page.getByRole("button", { name: "Create token…" }).click();
    await page.getByLabel("Only jobs", { exact: true }).fill("etl_*, bad id");
    await page.getByRole("textbox", { name: "Name" }).fill("ci");
    await page.getByRole("button", { name: "Create token", exact: true }).click();
    await page.getByRole("alert").getByText("'bad id' does not fit").waitFor();
    expect(await web.axe()).toEqual([]);
    await page.getByLabel("Only jobs", { exact: true }).fill("etl_*, load");
    await page.getByLabel("Only jobs with a tag").fill("finance");
    const token = await createOnPage(page, "ci");
    await page.getByRole("button", { name: "I have stored it" }).click();
    await page.locator("[data-token=ci]").getByText("etl_*").waitFor();
    expect((await ask(petit, "/api/session", { headers: bearer(token) })).body.scope).toEqual([
      { jobs: ["etl_*", "load"], tags: ["finance"] },
    ]);
    expect((await ask(petit, "/api/jobs", { headers: bearer(token) })).body.count).toBe(0);
  }, 60_000);

  test("is absent for those who are no admins, and the header says who they are", async () => {
    await using petit = await startPetit({ jobs: JOBS });
    await using web = await openWeb(petit);
    const { page } = web;
    await web.open("/");
    await page.getByRole("button", { name: "You: no token" }).click();
    await page.getByText("petit requires no token, so everybody").waitFor();
    expect(await web.axe()).toEqual([]);
    await page.getByRole("link", { name: "Create tokens" }).click();
    await page.getByRole("heading", { name: "petit stores no tokens" }).waitFor();
    const ada = await create(petit, { name: "ada", role: "admin" });
    const vic = await create(petit, { name: "vic", role: "viewer" }, ada);
    await page.goto(`${petit.url}/system`);
    await logIn(web, vic);
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      await page.getByRole("button", { name: "You: vic" }).click();
      const dialog = page.getByRole("dialog", { name: "vic" });
      await dialog.getByText("viewer: reads").waitFor();
      await dialog.getByText("by a login with a token, from 127.0.0.1").waitFor();
      expect(await web.axe()).toEqual([]);
      await page.keyboard.press("Escape");
    }
    expect(await page.getByRole("link", { name: "Tokens" }).count()).toBe(0);
    await web.open("/system/tokens");
    await page.getByText("Only admins see tokens").waitFor();
    expect(await page.getByRole("button", { name: "Create token…" }).count()).toBe(0);
    expect(web.complaints().filter((text) => !text.startsWith("401 "))).toEqual([]);
    await page.getByRole("button", { name: "You: vic" }).click();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("textbox", { name: "Token" }).waitFor();
  }, 60_000);
});
