import { describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "../../support/cli.ts";
import { ask } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { editorText, openEditor, saved, saveText, writeText } from "../../support/web/editor.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const jobOf = (id: string, command = "true"): string =>
  `id: ${id}\ntasks:\n  - id: only\n    type: command\n    command: "${command}"\n`;

const FILES = ["adopted", "theirs", "mine", "removed", "late", "same", "draft", "gone", "followed"];

const fileOf = (petit: Petit, id: string): string => readFileSync(join(petit.jobsDir, `${id}.yaml`), "utf8");

const change = (petit: Petit, id: string, text: string): void => writeFileSync(join(petit.jobsDir, `${id}.yaml`), text);

describe.skipIf(CHROMIUM === null)("two people who edit the same job file", () => {
  const running = sharedWeb(() =>
    startPetit({
      jobs: Object.fromEntries(FILES.map((id) => [`${id}.yaml`, jobOf(id)])),
      args: ["--edit"],
    }),
  );
  /** Opens a file, and changes its text without saving it. */
  const begun = async (id: string, text: string) => {
    const { petit, web, page } = running();
    await openEditor(web, `${id}.yaml`);
    await writeText(page, text);
    return { petit, web, page, note: page.getByRole("alert") };
  };

  test("see the other's text at once, where they have changed nothing", async () => {
    const { petit, web, page } = running();
    await openEditor(web, "adopted.yaml");
    // A comment changes no job.
    change(petit, "adopted", `# theirs\n${jobOf("adopted")}`);
    await becomes(() => editorText(page), `# theirs\n${jobOf("adopted")}`);
    change(petit, "adopted", jobOf("adopted", "false"));
    await becomes(() => editorText(page), jobOf("adopted", "false"));
    await page.getByText("adopted.yaml has changed; this is its new text").waitFor();
    await saved(page);
    expect(await page.getByRole("alert").count()).toBe(0);
  }, 60_000);

  test("keep the cursor in its line when the other's text arrives, and undo only what is their own", async () => {
    const { petit, web, page } = running();
    await openEditor(web, "followed.yaml");
    await page.locator(".cm-line", { hasText: "type: command" }).click();
    await page.keyboard.press("End");
    await page.keyboard.type("x");
    await page.keyboard.press("Backspace");
    await saved(page);
    const theirs = `# theirs\n${jobOf("followed", "false")}`;
    change(petit, "followed", theirs);
    await becomes(() => editorText(page), theirs);
    expect(await page.locator(".cm-activeLine").textContent()).toBe("    type: command");
    for (let index = 0; index < 3; index++) await page.keyboard.press("Control+z");
    await page.keyboard.type("y");
    await becomes(() => editorText(page), theirs.replace("type: command", "type: commandy"));
    await page.getByRole("button", { name: "Discard changes" }).click();
  }, 60_000);

  test("are told at once, see what differs, and get their own text back from theirs", async () => {
    const mine = jobOf("theirs", "mine");
    const { petit, web, page, note } = await begun("theirs", mine);
    await using other = await openWeb(petit);
    await openEditor(other, "theirs.yaml");
    await writeText(other.page, jobOf("theirs", "theirs"));
    await saveText(other.page);
    await note.getByText("has changed this file").waitFor();
    expect(await editorText(page)).toBe(mine);
    await note.getByRole("button", { name: "Show what differs" }).click();
    await note.getByText('-    command: "theirs"').waitFor();
    await note.getByText('+    command: "mine"').waitFor();
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await web.axe()).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    await page.setViewportSize({ width: 1280, height: 800 });
    await note.getByRole("button", { name: "Load theirs" }).click();
    await becomes(() => editorText(page), jobOf("theirs", "theirs"));
    await saved(page);
    // It is kept over a reload, too.
    await page.reload();
    await page.getByRole("button", { name: "Bring mine back" }).click();
    await becomes(() => editorText(page), mine);
    await saveText(page);
    expect(fileOf(petit, "theirs")).toBe(mine);
    await becomes(() => editorText(other.page), mine);
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("put their text in place of the other's only after a review of what that changes", async () => {
    const mine = jobOf("mine", "mine");
    const { petit, page, note } = await begun("mine", mine);
    change(petit, "mine", `${jobOf("mine", "theirs")}name: Theirs\n`);
    await note.getByRole("button", { name: "Use mine in place of theirs" }).click();
    const review = page.getByRole("dialog");
    await review.getByText("-name: Theirs").waitFor();
    await review.getByText('-    command: "theirs"').waitFor();
    expect(fileOf(petit, "mine")).toContain("Theirs");
    await review.getByRole("button", { name: "Save" }).click();
    await saved(page);
    expect(fileOf(petit, "mine")).toBe(mine);
    expect(await note.count()).toBe(0);
  }, 60_000);

  test("are told that a file is gone, and can make it again", async () => {
    const mine = jobOf("removed", "mine");
    const { petit, page, note } = await begun("removed", mine);
    rmSync(join(petit.jobsDir, "removed.yaml"));
    await note.getByText("Somebody has removed this file").waitFor();
    await note.getByRole("button", { name: "Make it again from mine" }).click();
    await page.getByRole("dialog").getByText("This is a new file").waitFor();
    await page.keyboard.press("Control+s");
    await saved(page);
    expect(fileOf(petit, "removed")).toBe(mine);
  }, 60_000);

  test("are told that a file is gone where they have changed nothing", async () => {
    const { petit, web, page } = running();
    await openEditor(web, "gone.yaml");
    rmSync(join(petit.jobsDir, "gone.yaml"));
    await page.locator(".edit-state .tag", { hasText: /^Removed$/ }).waitFor();
    await page.getByRole("button", { name: "Make it again from mine" }).click();
    await page.getByRole("dialog").getByText("This is a new file").waitFor();
    await page.keyboard.press("Control+s");
    await saved(page);
    expect(fileOf(petit, "gone")).toBe(jobOf("gone"));
  }, 60_000);

  test("lose nothing if the page learns of the other's save only from the refusal of its own", async () => {
    const mine = jobOf("late", "mine");
    const { petit, page, note } = await begun("late", mine);
    await page.keyboard.press("Control+s");
    await page.locator("[data-save]:not([aria-disabled])").waitFor();
    // The save arrives after that of the other.
    await page.route("**/api/job-files/late.yaml", async (route) => {
      if (route.request().method() === "PUT") {
        const { body } = await ask(petit, "/api/job-files/late.yaml");
        const json = { text: jobOf("late", "theirs"), base: body.digest };
        await ask(petit, "/api/job-files/late.yaml", { method: "PUT", body: JSON.stringify(json) });
      }
      await route.continue();
    });
    await page.keyboard.press("Control+s");
    await note.getByText("has changed this file").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(fileOf(petit, "late")).toBe(jobOf("late", "theirs"));
    expect(await editorText(page)).toBe(mine);
    await page.unrouteAll({ behavior: "wait" });
    await note.getByRole("button", { name: "Use mine in place of theirs" }).click();
    await page.getByRole("dialog").getByText('-    command: "theirs"').waitFor();
    await page.keyboard.press("Control+s");
    await saved(page);
    expect(fileOf(petit, "late")).toBe(mine);
  }, 60_000);

  test("are asked nothing if both wrote the same", async () => {
    const mine = jobOf("same", "mine");
    const { petit, page, note } = await begun("same", mine);
    change(petit, "same", mine);
    await saved(page);
    expect(await note.count()).toBe(0);
  }, 60_000);

  test("are told after a reload that their draft is from an earlier text", async () => {
    const mine = jobOf("draft", "mine");
    const { petit, web, page, note } = await begun("draft", mine);
    await page.goto("about:blank");
    change(petit, "draft", jobOf("draft", "theirs"));
    await becomes(async () => (await ask(petit, "/api/jobs/draft")).body.tasks[0].command, "theirs");
    await web.open("/edit/draft.yaml");
    await note.getByText("has changed this file").waitFor();
    expect(await editorText(page)).toBe(mine);
  }, 60_000);
});

test.skipIf(CHROMIUM === null)(
  "names the person who has changed a file meanwhile",
  async () => {
    const tokens = { ada: `a${"0".repeat(40)}`, grace: `g${"0".repeat(40)}` };
    using folder = tempFolder();
    const file = folder.write("tokens", `ada: ${tokens.ada}\ngrace: ${tokens.grace}\n`);
    chmodSync(file, 0o600);
    await using petit = await startPetit({
      jobs: { "job.yaml": jobOf("job") },
      args: ["--edit", "--token-file", file],
    });
    await using web = await openWeb(petit);
    const { page } = web;
    await page.goto(`${petit.url}/edit/job.yaml`);
    await page.getByText("Could not load the settings").waitFor();
    await page.getByRole("textbox", { name: "Token" }).fill(tokens.ada);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.locator(".cm-content").waitFor();
    await writeText(page, jobOf("job", "mine"));
    const headers = { authorization: `Bearer ${tokens.grace}` };
    const { body } = await ask(petit, "/api/job-files/job.yaml", { headers });
    const change = JSON.stringify({ text: jobOf("job", "theirs"), base: body.digest });
    const { status } = await ask(petit, "/api/job-files/job.yaml", { method: "PUT", headers, body: change });
    expect(status).toBe(200);
    await page.getByRole("alert").getByText("grace has changed this file").waitFor();
  },
  60_000,
);
