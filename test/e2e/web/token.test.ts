import { describe, expect, test } from "bun:test";
import { post, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb, type Web } from "../../support/web/web.ts";

const JOBS = { "jobs.yaml": 'id: hello\nname: Hello\ntasks: [{id: only, type: command, command: "true"}]\n' };

const TOKEN = "correct-horse-battery-staple-0123456789";

const enterToken = async ({ page }: Pick<Web, "page">, token: string): Promise<void> => {
  await page.getByRole("textbox", { name: "Token" }).fill(token);
  await page.getByRole("button", { name: "Continue" }).click();
};

describe.skipIf(CHROMIUM === null)("the dashboard with a token", () => {
  test("asks for the token, keeps a session that scripts can't read, and asks again after a wrong token", async () => {
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
    expect(await page.evaluate("[sessionStorage, localStorage].flatMap((area) => Object.values(area))")).toEqual([]);
    expect(await page.evaluate("document.cookie")).toBe("");
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
    expect(cookie?.value).not.toContain(TOKEN);
    expect(page.url()).not.toContain(TOKEN);
    await page.reload();
    await page.getByRole("link", { name: "Hello" }).first().waitFor();
    expect(web.complaints().filter((text) => !text.startsWith("401 "))).toEqual([]);
  }, 60_000);

  test("works if the browser denies access to its storage, and says so if it keeps no cookie", async () => {
    await using petit = await startPetit({ jobs: JOBS, env: { PETIT_API_TOKEN: TOKEN } });
    await using web = await openWeb(petit);
    await web.page.addInitScript(`for (const name of ["sessionStorage", "localStorage"])
      Object.defineProperty(window, name, { get: () => { throw new DOMException("denied", "SecurityError"); } });`);
    const refusal = { status: 401, json: { error: "a token is required", code: "UNAUTHORIZED" } };
    await web.page.route("**/api/session", (route) =>
      route.request().method() === "GET" ? route.fulfill(refusal) : route.continue(),
    );
    await web.page.goto(petit.url);
    await enterToken(web, TOKEN);
    await web.page.getByText("Allow cookies for this page").waitFor();
    await web.page.unroute("**/api/session");
    await enterToken(web, TOKEN);
    await web.page.getByRole("button", { name: "Got it" }).click();
    await web.page.getByRole("link", { name: "Hello" }).first().waitFor();
  }, 60_000);

  test("logs in and out in all tabs, and shows no data without a login", async () => {
    await using petit = await startPetit({ jobs: JOBS, env: { PETIT_API_TOKEN: TOKEN } });
    await using web = await openWeb(petit);
    const { page } = web;
    const other = await page.context().newPage();
    for (const tab of [page, other]) {
      await tab.goto(`${petit.url}/jobs`);
      await tab.getByRole("dialog", { name: "This petit requires a token" }).waitFor();
      expect(await tab.getByText("Hello").count()).toBe(0);
    }
    // The dialog can't be closed.
    await other.keyboard.press("Escape");
    expect(await other.getByRole("dialog").count()).toBe(1);
    await enterToken(web, TOKEN);
    for (const tab of [page, other]) await tab.getByRole("link", { name: "Hello" }).first().waitFor();
    await page.goto(`${petit.url}/system`);
    await page.getByRole("button", { name: "Log out" }).click();
    for (const tab of [page, other]) await tab.getByRole("dialog", { name: "This petit requires a token" }).waitFor();
    expect(await other.getByText("Hello").count()).toBe(0);
  }, 60_000);

  test("shows who is logged in, and leads a visit of the API reference through the login", async () => {
    await using petit = await startPetit({ jobs: JOBS, env: { PETIT_API_TOKEN: `ada: ${TOKEN}` } });
    await using web = await openWeb(petit);
    const { page } = web;
    await page.goto(`${petit.url}/api/docs#getDocs`);
    await enterToken(web, TOKEN);
    await page.getByRole("heading", { name: "The HTTP API of petit" }).waitFor();
    expect(new URL(page.url()).hash).toBe("#getDocs");
    await page.getByRole("link", { name: "Back to the dashboard" }).click();
    await page.getByRole("button", { name: "You: ada" }).click();
    await page.getByRole("dialog", { name: "ada" }).getByText("in all tabs of this browser").waitFor();
    expect(web.complaints().filter((text) => !text.startsWith("401 "))).toEqual([]);
  }, 60_000);

  test("shows each role only the buttons that it may use", async () => {
    const failing =
      'id: fails\nname: Fails\nschedule: "@yearly"\ntasks: [{id: only, type: command, command: "false"}]\n';
    await using petit = await startPetit({ jobs: { "fails.yaml": failing } });
    const { id: runId } = await runToEnd(petit, "fails");
    const tokens = new Map<string, string>();
    let headers = {};
    for (const role of ["admin", "operator", "viewer"]) {
      const { body } = await post(petit, "/api/tokens", { name: `the-${role}`, role }, headers);
      tokens.set(role, body.token);
      if (role === "admin") headers = { authorization: `Bearer ${body.token}` };
    }
    await using web = await openWeb(petit);
    const { page } = web;
    /** Returns which of the buttons a view shows, once the header shows who is logged in. */
    const buttonsOf = async (role: string, path: string, text: string): Promise<readonly string[]> => {
      await page.goto(`${petit.url}${path}`);
      await page.getByRole("button", { name: `You: the-${role}` }).waitFor();
      await page.getByText(text).first().waitFor();
      const names = await page.getByRole("button").allInnerTexts();
      return ACTIONS.filter((name) => names.some((each) => each.startsWith(name)));
    };
    for (const role of ["viewer", "operator", "admin"] as const) {
      await page.goto(petit.url);
      await enterToken(web, tokens.get(role) ?? "");
      // Another navigation would abort the login.
      await page.getByRole("button", { name: `You: the-${role}` }).waitFor();
      const seen = [
        await buttonsOf(role, "/", "Needs attention"),
        await buttonsOf(role, "/jobs/fails", "Durations"),
        await buttonsOf(role, `/runs/${runId}`, "Output"),
        await buttonsOf(role, "/system", "Settings"),
      ];
      expect([role, seen]).toEqual([role, SEEN[role]]);
      await page.goto(`${petit.url}/jobs/fails`);
      await page.getByRole("button", { name: `You: the-${role}` }).waitFor();
      await page.getByText("Durations").first().waitFor();
      await page.keyboard.press("r");
      if (role !== "viewer") await page.getByRole("dialog").waitFor();
      expect(await page.getByRole("dialog").count()).toBe(role === "viewer" ? 0 : 1);
      await page.goto(`${petit.url}/system#session`);
      await page.getByText(`${role}: `).waitFor();
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByRole("textbox", { name: "Token" }).waitFor();
    }
  }, 90_000);
});

/** What people can do on the views of that test. */
const ACTIONS = ["Acknowledge", "Retry", "Run again", "Run now", "Run for the past", "Pause", "Reload job files"];

const SEEN = {
  viewer: [[], [], [], []],
  operator: [["Acknowledge", "Retry"], ["Run now", "Run for the past", "Pause"], ["Retry", "Run again"], []],
  admin: [
    ["Acknowledge", "Retry"],
    ["Run now", "Run for the past", "Pause"],
    ["Retry", "Run again"],
    ["Pause", "Reload job files"],
  ],
};
