import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { checked, editorText, openEditor, saved, saveText, writeText } from "../../support/web/editor.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const NIGHTLY = `# Copies data each night.
id: nightly
schedule: "0 3 * * *"
tasks:
  - id: copy
    type: shell
    script: |
      echo one
    timeout: 10m
`;

/** Nearly as much as a job file may have. */
const LINES = "# Explains nothing at all, again and again, line after line.\n".repeat(16_000);

const JOBS = {
  "nightly.yaml": NIGHTLY,
  "sub/broken.yaml": "id: broken\ntasks: [{id: only, type: comand, command: x}]\n",
  "reports/weekly.yaml": 'id: weekly\ntasks: [{id: only, type: command, command: "true"}]\n',
  "lost.yaml": 'id: lost\ntasks: [{id: only, type: command, command: "true"}]\n',
  "large.yaml": `id: large\ntasks: [{id: only, type: command, command: "true"}]\n${LINES}`,
  "crlf.yaml": 'id: crlf\r\ntasks:\r\n  - {id: only, type: command, command: "true"}\r\n',
};

/** After offers open, they ignore keys for 75 ms, so that nobody chooses one by mistake. */
const IGNORED_MS = 100;

const fileOf = (petit: Petit, path: string): string => readFileSync(join(petit.jobsDir, path), "utf8");

describe.skipIf(CHROMIUM === null)("the editor of job files", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS, args: ["--edit"] }));

  test("shows problems at their positions while somebody types, and walks through them", async () => {
    const { web, page } = running();
    await openEditor(web, "nightly.yaml");
    await page.locator(".edit-state", { hasText: "No problems; other files have 1" }).waitFor();
    await writeText(page, NIGHTLY.replace("type: shell", "type: shel").replace("timeout: 10m", "timeout: soon"));
    const own = page.locator(".edit-problems [data-severity=error]");
    await becomes(
      async () => (await own.allTextContents()).map((text) => text.slice(0, 26)),
      ["6:11 tasks[0].type: 'shel'", "9:14 tasks[0].timeout: 'so"],
    );
    await becomes(() => page.locator(".cm-lintRange-error").allTextContents(), ["shel", "soon"]);
    const cursor = () => page.locator(".cm-activeLine").textContent();
    await page.keyboard.press("F8");
    await becomes(cursor, "    type: shel");
    await page.keyboard.press("F8");
    await becomes(cursor, "    timeout: soon");
    await page.keyboard.press("Shift+F8");
    await becomes(cursor, "    type: shel");
    expect(await own.first().getAttribute("aria-current")).toBe("true");
    await page.getByRole("button", { name: "9:14" }).focus();
    await page.keyboard.press("Enter");
    await becomes(cursor, "    timeout: soon");
    await page.keyboard.type("1m#");
    await page.keyboard.press("Control+s");
    await page.getByRole("heading", { name: "It can’t be saved with these problems" }).waitFor();
    await page.keyboard.press("Control+s");
    expect(await page.locator("[data-save]").getAttribute("aria-disabled")).toBe("true");
    expect(fileOf(running().petit, "nightly.yaml")).toBe(NIGHTLY);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Discard changes" }).click();
    await saved(page);
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("completes fields and values by the schema, and says what they mean", async () => {
    const { web, page } = running();
    await openEditor(web, "nightly.yaml");
    await page.locator(".cm-line", { hasText: "timeout" }).click();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Control+Space");
    const offers = page.locator(".cm-tooltip-autocomplete li");
    await offers.first().waitFor();
    const labels = await page.locator(".cm-completionLabel").allTextContents();
    expect(labels).toContain("retry");
    // The task has these fields, or its type does not take them.
    for (const label of ["script", "timeout", "url"]) expect(labels).not.toContain(label);
    await page.keyboard.type("retr");
    await page.locator(".cm-completionInfo").waitFor();
    await page.waitForTimeout(IGNORED_MS);
    await page.keyboard.press("Enter");
    await page.keyboard.type("max_a");
    await offers.filter({ hasText: "max_attempts" }).click();
    await page.keyboard.type("3");
    await becomes(async () => (await editorText(page)).includes("    retry:\n      max_attempts: 3\n"), true);
    await page.locator(".edit-state", { hasText: "No problems" }).waitFor();
    await page.locator(".cm-line", { hasText: "type: shell" }).click();
    await page.keyboard.press("End");
    for (let index = 0; index < 5; index++) await page.keyboard.press("Backspace");
    await page.keyboard.type("ht");
    await offers.filter({ hasText: "http" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Discard changes" }).click();
    await page.locator(".cm-line", { hasText: "schedule" }).locator("span").first().hover();
    await page.locator(".cm-field-doc", { hasText: "schedule" }).waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("reviews and saves with the keyboard alone, and the job is the new one at once", async () => {
    const { petit, web, page } = running();
    await openEditor(web, "nightly.yaml");
    const text = NIGHTLY.replace("0 3 * * *", "30 4 * * *");
    await writeText(page, text);
    await page.keyboard.press("Control+s");
    const review = page.getByRole("dialog", { name: "Changes of nightly.yaml" });
    await review.getByText("1 job changed").waitFor();
    expect(await review.locator("[data-change='schedule.cron']").textContent()).toContain("30 4 * * *");
    await review.getByText("Next before:").waitFor();
    await review.getByText("Runs 1 h 30 min later").waitFor();
    await review.getByText('+schedule: "30 4 * * *"').waitFor();
    expect(await web.axe()).toEqual([]);
    expect(fileOf(petit, "nightly.yaml")).toBe(NIGHTLY);
    await page.keyboard.press("Control+s");
    await saved(page);
    expect(fileOf(petit, "nightly.yaml")).toBe(text);
    expect((await ask(petit, "/api/jobs/nightly")).body.schedule).toContain("30 4 * * *");
    await page.getByRole("region", { name: "Notices" }).getByRole("link", { name: "Open nightly" }).click();
    await page.waitForURL("**/jobs/nightly");
    await page.locator("[data-version='2']", { hasText: "current" }).waitFor();
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await page.waitForURL("**/edit/nightly.yaml");
    // Escape and then Tab leaves the text.
    await page.locator(".cm-content").focus();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    await becomes(() => page.evaluate("document.activeElement.matches('.edit-code')"), false);
    expect(await editorText(page)).toBe(text);
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("asks before a text that is not saved is left, and keeps it over a reload", async () => {
    const { web, page } = running();
    await openEditor(web, "nightly.yaml");
    const before = await editorText(page);
    await writeText(page, `${before}# mine\n`);
    await page.getByRole("link", { name: "Runs", exact: true }).click();
    const question = page.getByRole("dialog", { name: "Leave without saving?" });
    await question.waitFor();
    await page.keyboard.press("Control+s");
    expect(await page.getByRole("dialog").count()).toBe(1);
    await question.getByRole("button", { name: "Stay" }).click();
    await question.waitFor({ state: "detached" });
    await page.locator("main h1").click();
    await page.keyboard.press("g");
    await page.keyboard.press("j");
    await question.getByRole("button", { name: "Leave", exact: true }).click();
    await page.waitForURL("**/jobs");
    await openEditor(web, "nightly.yaml");
    expect(await editorText(page)).toBe(`${before}# mine\n`);
    await page.locator(".edit-state", { hasText: "Unsaved changes" }).waitFor();
    const asked = page.waitForEvent("dialog");
    // Browsers ask only on a page that somebody has used.
    await page.locator(".cm-content").click();
    const reload = page.reload();
    await (await asked).accept();
    await reload;
    await page.locator(".cm-content").waitFor();
    expect(await editorText(page)).toBe(`${before}# mine\n`);
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await question.getByRole("button", { name: "Discard them and leave" }).click();
    await page.waitForURL("**/jobs");
    await openEditor(web, "nightly.yaml");
    expect(await editorText(page)).toBe(before);
  }, 60_000);

  test("asks before the browser goes back or forward from a text that is not saved, and before the tab with it is closed", async () => {
    const { web, page } = running();
    await web.open("/jobs/weekly");
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await checked(page);
    const before = await editorText(page);
    await writeText(page, `${before}# mine\n`);
    const question = page.getByRole("dialog", { name: "Leave without saving?" });
    await page.goBack();
    await question.getByRole("button", { name: "Stay" }).click();
    await question.waitFor({ state: "detached" });
    expect(page.url()).toEndWith("/edit/reports/weekly.yaml");
    expect(await editorText(page)).toBe(`${before}# mine\n`);
    await page.goBack();
    await question.getByRole("button", { name: "Leave", exact: true }).click();
    await page.waitForURL("**/jobs/weekly");
    await page.locator(".definition-file", { hasText: "unsaved changes in this tab" }).waitFor();
    const asked = page.waitForEvent("dialog");
    await page.close({ runBeforeUnload: true });
    expect((await asked).type()).toBe("beforeunload");
    await (await asked).dismiss();
    await page.keyboard.press("g");
    await page.keyboard.press("e");
    await page.getByRole("row", { name: "reports/weekly.yaml unsaved changes in this tab" }).waitFor();
    expect(await page.evaluate("dispatchEvent(new Event('beforeunload', { cancelable: true }))")).toBe(false);
    expect(await web.axe()).toEqual([]);
    await page.goBack();
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await page.waitForURL("**/edit/reports/weekly.yaml");
    await checked(page);
    await page.goBack();
    await question.getByRole("button", { name: "Discard them and leave" }).click();
    await page.waitForURL("**/jobs/weekly");
    await page.locator(".definition-file", { hasText: "reports/weekly.yaml" }).waitFor();
    expect(await page.getByText("unsaved changes in this tab").count()).toBe(0);
    await page.goForward();
    await page.waitForURL("**/edit/reports/weekly.yaml");
    await saved(page);
    await becomes(() => editorText(page), before);
    // Nothing is left to ask for.
    expect(await page.evaluate("dispatchEvent(new Event('beforeunload', { cancelable: true }))")).toBe(true);
  }, 60_000);

  test("keeps a text of nearly 1 MiB over a reload, and says if one can't be kept", async () => {
    const { petit } = running();
    await using web = await openWeb(petit);
    const { page } = web;
    await openEditor(web, "large.yaml");
    await page.locator(".cm-content").focus();
    await page.keyboard.type("# mine");
    await page.keyboard.press("Enter");
    await page.locator(".edit-state .tag", { hasText: "Unsaved changes" }).waitFor();
    await page.reload();
    await page.locator(".cm-line", { hasText: "# mine" }).waitFor();
    await page.locator(".edit-state .tag", { hasText: "Unsaved changes" }).waitFor();
    const warning = page.getByRole("alert").getByText("This tab can’t keep this text");
    expect(await warning.count()).toBe(0);
    await page.evaluate("Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }");
    await page.locator(".cm-content").focus();
    await page.keyboard.type("# more");
    await warning.waitFor();
    expect(await web.axe()).toEqual([]);
    await page.getByRole("button", { name: "Discard changes" }).click();
    await warning.waitFor({ state: "detached" });
  }, 60_000);

  test("says that petit is away, keeps the text, and checks it when petit is back", async () => {
    const { petit } = running();
    await using web = await openWeb(petit);
    const { page } = web;
    await openEditor(web, "nightly.yaml");
    const before = await editorText(page);
    await page.route("**/api/job-files/check", (route) => route.abort());
    await writeText(page, `${before}retires: 3\n`);
    await page.locator(".edit-state", { hasText: "petit does not answer" }).waitFor();
    await page.unroute("**/api/job-files/check");
    await page.locator(".cm-content").press("End");
    await page.keyboard.type(" ");
    await page.locator(".edit-state", { hasText: "1 problem" }).waitFor();
    expect(await editorText(page)).toBe(`${before}retires: 3\n `);
  }, 60_000);

  test("says that a text is saved even if the answer to the save was lost", async () => {
    const { petit } = running();
    await using web = await openWeb(petit);
    const { page } = web;
    await openEditor(web, "lost.yaml");
    const text = `${JOBS["lost.yaml"]}name: Lost\n`;
    await writeText(page, text);
    await page.route("**/api/job-files/lost.yaml", async (route) => {
      if (route.request().method() !== "PUT") return await route.continue();
      const body = route.request().postData() ?? "";
      expect((await ask(petit, "/api/job-files/lost.yaml", { method: "PUT", body })).status).toBe(200);
      await route.abort();
    });
    await page.keyboard.press("Control+s");
    await page.locator("[data-save]:not([aria-disabled])").waitFor();
    await page.keyboard.press("Control+s");
    await page.getByRole("dialog").getByText("The file has this text: it is saved.").waitFor();
    await saved(page);
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(fileOf(petit, "lost.yaml")).toBe(text);
    await page.unrouteAll({ behavior: "wait" });
  }, 60_000);

  test("keeps the line ends of a file", async () => {
    const { petit, web, page } = running();
    await openEditor(web, "crlf.yaml");
    await page.locator(".cm-content").press("Control+End");
    await page.keyboard.type("name: Ends");
    await page.keyboard.press("Enter");
    await saveText(page);
    expect(fileOf(petit, "crlf.yaml")).toBe(`${JOBS["crlf.yaml"]}name: Ends\r\n`);
  }, 60_000);

  test("begins a job with a template, under a name that is checked at once", async () => {
    const { petit, web, page } = running();
    await web.open("/jobs");
    await page.getByRole("link", { name: "New job" }).click();
    await page.getByRole("heading", { name: "New job", level: 1 }).waitFor();
    const field = page.getByLabel("File", { exact: true });
    const hint = page.locator(".edit-new small").first();
    for (const [typed, said] of [
      ["nightly", "nightly.yaml exists already"],
      ["../x", "No part of the path may be empty or begin with a dot"],
      ["/etc/x", "Expected a path within the folder"],
      ["none/daily", "There is no folder 'none'"],
      ["", "Its path in the folder of job files"],
    ] as const) {
      await field.fill(typed);
      await becomes(async () => (await hint.textContent())?.includes(said), true);
    }
    await page.keyboard.press("Enter");
    await becomes(async () => (await hint.textContent())?.includes("Expected a name"), true);
    await field.fill("reports/daily");
    await page.getByRole("radio", { name: /^Task graph/ }).check();
    await page.getByLabel("Text of the template").getByText("id: daily", { exact: false }).first().waitFor();
    expect(await web.axe()).toEqual([]);
    await page.getByRole("button", { name: "Open in the editor" }).click();
    await page.waitForURL("**/edit/reports/daily.yaml?template=*");
    await checked(page);
    expect(existsSync(join(petit.jobsDir, "reports/daily.yaml"))).toBe(false);
    await page.locator(".cm-content").focus();
    await saveText(page);
    expect(fileOf(petit, "reports/daily.yaml")).toMatch(/^id: daily$/m);
    expect((await ask(petit, "/api/jobs/daily")).status).toBe(200);
  }, 60_000);

  test("lists the files with their jobs and problems, also for the keyboard", async () => {
    const { web, page } = running();
    await web.open("/system");
    const row = page.locator("#job-files tr", { hasText: "sub/broken.yaml" });
    await row.getByText("1 problem").waitFor();
    await page.keyboard.press("Control+k");
    await page.getByLabel("Find", { exact: true }).fill("edit job files");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/edit");
    await page.getByRole("link", { name: "sub/broken.yaml" }).click();
    await page.locator(".edit-problems li", { hasText: "'comand' is not known" }).waitFor();
  }, 60_000);

  test("is not found at an address that is no path", async () => {
    const { web, page } = running();
    await web.open("/edit/%ff.yaml");
    await page.getByRole("heading", { name: "Page not found" }).waitFor();
  }, 60_000);

  test("fits a phone in both themes, and passes axe-core", async () => {
    const { web, page } = running();
    const found: unknown[] = [];
    for (const path of ["/edit", "/edit/new", "/edit/sub/broken.yaml", "/edit/nothing.yaml"]) {
      await web.open(path);
      if (path.endsWith(".yaml")) await checked(page);
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        for (const width of [1440, 1024, 390]) {
          await page.setViewportSize({ width, height: 844 });
          const wider = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
          found.push(...(await web.axe()), ...(wider > 0 ? [`${path} is ${wider} px wider than ${width}`] : []));
        }
      }
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1280, height: 800 });
    expect(found).toEqual([]);
  }, 60_000);
});

test.skipIf(CHROMIUM === null)(
  "the editor lets a text that is not saved be copied while petit runs without --edit",
  async () => {
    const first = await startPetit({ jobs: { "nightly.yaml": NIGHTLY }, args: ["--edit"] });
    const { port } = new URL(first.url);
    await using web = await openWeb(first);
    const { page } = web;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await openEditor(web, "nightly.yaml");
    await writeText(page, `${NIGHTLY}# mine\n`);
    await first.kill();
    await using second = await startPetit({ dir: first.dir, args: ["--api-port", port] });
    expect(second.url).toBe(first.url);
    await page.getByText("Editing is off").waitFor();
    await page.getByRole("alert").getByText("are not saved").waitFor();
    expect(await web.axe()).toEqual([]);
    await page.reload();
    await page.getByRole("button", { name: "Copy: Text that is not saved" }).click();
    await becomes(() => page.evaluate("navigator.clipboard.readText()"), `${NIGHTLY}# mine\n`);
    await web.open("/edit/other.yaml");
    await page.getByText("Editing is off").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  },
  60_000,
);

test.skipIf(CHROMIUM === null)(
  "people who are no admins are offered no editor",
  async () => {
    await using petit = await startPetit({ jobs: { "nightly.yaml": NIGHTLY }, args: ["--edit"] });
    await using web = await openWeb(petit);
    const { page } = web;
    const { body } = await ask(petit, "/api/session");
    await page.route("**/api/session", (route) => route.fulfill({ json: { ...body, role: "operator" } }));
    await web.open("/edit/nightly.yaml");
    await page.getByText("Only admins edit job files").waitFor();
    expect(await web.axe()).toEqual([]);
    await web.open("/jobs");
    await page.locator("[data-job=nightly]").first().waitFor();
    await becomes(() => page.getByRole("link", { name: "New job" }).count(), 0);
  },
  60_000,
);

describe.skipIf(CHROMIUM === null)("a petit without --edit", () => {
  const running = sharedWeb(() => startPetit({ jobs: { "nightly.yaml": NIGHTLY } }));

  test("offers no editor, says how to get one, and loads nothing of it", async () => {
    const { web, page } = running();
    const loaded: string[] = [];
    page.on("request", (request) => loaded.push(request.url()));
    await web.open("/runs");
    // The last of what is loaded for later.
    const last = page.waitForRequest((request) => request.url().includes("/assets/graph-view"));
    await page.mouse.move(10, 10);
    await last;
    await web.open("/jobs/nightly");
    await page.locator(".definition-file", { hasText: "nightly.yaml:" }).waitFor();
    expect(await page.getByRole("link", { name: "Edit", exact: true }).count()).toBe(0);
    await web.open("/jobs");
    await page.locator("[data-job=nightly]").first().waitFor();
    expect(await page.getByRole("link", { name: "New job" }).count()).toBe(0);
    expect(loaded.filter((url) => url.includes("/assets/code-editor"))).toEqual([]);
    await web.open("/edit/nightly.yaml");
    await page.getByText("Start petit with --edit").waitFor();
    expect(await web.axe()).toEqual([]);
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});

test.skipIf(CHROMIUM === null)(
  "the first steps of an empty petit offer a new job where it can be made",
  async () => {
    await using petit = await startPetit({ jobs: {}, args: ["--edit"] });
    await using web = await openWeb(petit);
    await web.open("/jobs");
    await web.page.locator(".note").getByRole("link", { name: "New job" }).click();
    await web.page.waitForURL("**/edit/new");
    await web.page.getByRole("heading", { name: "New job", level: 1 }).waitFor();
  },
  60_000,
);
