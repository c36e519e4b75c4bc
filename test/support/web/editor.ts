import type { Page } from "playwright-core";
import { becomes, type Web } from "./web.ts";

/** Opens the editor of a job file, and waits until its text has been checked. */
export const openEditor = async (web: Web, path: string): Promise<void> => {
  await web.open(`/edit/${path}`);
  await web.page.locator(".cm-content").waitFor();
  await checked(web.page);
};

/** Waits for the first check of the text. */
export const checked = (page: Page): Promise<void> => page.locator(".edit-state", { hasText: /problem/ }).waitFor();

/** Waits until the text is saved. */
export const saved = (page: Page): Promise<void> => page.locator(".edit-state .tag", { hasText: /^Saved$/ }).waitFor();

/** Returns the text in the editor, as far as it is on the screen. */
export const editorText = async (page: Page): Promise<string> =>
  (await page.locator(".cm-line").allTextContents()).join("\n");

/** Replaces the whole text in the editor. */
export const writeText = async (page: Page, text: string): Promise<void> => {
  await page.locator(".cm-content").focus();
  await page.keyboard.press("Control+a");
  // Chrome itself styles a text that replaces a coloured one, which the page's policy forbids.
  await page.keyboard.press("Delete");
  await page.keyboard.insertText(text);
  await becomes(() => editorText(page), text);
};

/** Reviews the text and saves it, with the keyboard. */
export const saveText = async (page: Page): Promise<void> => {
  await page.keyboard.press("Control+s");
  await page.locator("[data-save]:not([aria-disabled])").waitFor();
  await page.keyboard.press("Control+s");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await saved(page);
};
