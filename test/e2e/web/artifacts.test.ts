import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

/** A red pixel. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==";

const JOBS = {
  "render.yaml": `
id: render
tasks:
  - id: draw
    type: shell
    script: |
      cd "$PETIT_ARTIFACTS"
      printf 'a,b\\n1,2\\n' > rows.csv
      echo '<script>document.title = "run"</script>' > page.html
      echo ${PNG} | base64 -d > pixel.png
  - {id: note, type: shell, script: 'mkdir "$PETIT_ARTIFACTS/out"; echo "all is well" > "$PETIT_ARTIFACTS/out/notes.txt"'}
`,
};

describe.skipIf(CHROMIUM === null)("the artifacts of a run", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS }));

  test("are listed by task, with previews of text and images, with the keyboard alone", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "render");
    await web.open(`/runs/${id}`);
    await page.getByRole("tab", { name: "4 artifacts" }).focus();
    await page.keyboard.press("Enter");
    const [draw, note] = [
      page.getByRole("region", { name: "Artifacts of draw" }),
      page.getByRole("region", { name: "Artifacts of note" }),
    ];
    await becomes(() => draw.locator(".artifact-name bdi").allTextContents(), ["page.html", "pixel.png", "rows.csv"]);
    await note.locator("summary", { hasText: "out/notes.txt" }).focus();
    await page.keyboard.press("Enter");
    await note.getByText("all is well").waitFor();
    await draw.locator("summary", { hasText: "pixel.png" }).click();
    await becomes(() => draw.getByRole("img").evaluate((image) => (image as HTMLImageElement).naturalWidth), 1);
    // A page of a task could contain scripts, so it can only be downloaded.
    expect(await draw.locator("summary", { hasText: "page.html" }).count()).toBe(0);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await web.axe()).toEqual([]);
    }
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test("are downloaded with their bytes, and fit a phone", async () => {
    const { petit } = running();
    const { id } = await runToEnd(petit, "render");
    await using web = await openWeb({ url: petit.url, viewport: { width: 375, height: 800 } });
    const { page } = web;
    await web.open(`/runs/${id}`);
    await page.getByRole("tab", { name: "4 artifacts" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download page.html" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("page.html");
    expect(readFileSync(await download.path(), "utf8")).toBe('<script>document.title = "run"</script>\n');
    await becomes(() => page.evaluate("document.documentElement.scrollWidth"), 375);
    expect(await web.axe()).toEqual([]);
  }, 60_000);
});
