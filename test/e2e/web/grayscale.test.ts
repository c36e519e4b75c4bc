import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": `id: good
tasks: [{id: t, type: shell, script: "true"}]
---
id: bad
tasks: [{id: t, type: shell, script: exit 3}]
`,
};

/** Returns the mean luminance of the middle of an element as it is displayed, from 0 to 1. */
const luminanceOf = async (page: Page, selector: string): Promise<number> => {
  const png = (await page.locator(selector).last().screenshot()).toString("base64");
  return await page.evaluate(async (data) => {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    if (context === null) throw new Error("no canvas");
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, image.width, image.height).data;
    const linear = (value = 0): number => (value <= 10 ? value / 3294 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    let sum = 0;
    for (let at = 0; at < pixels.length; at += 4)
      sum += 0.2126 * linear(pixels[at]) + 0.7152 * linear(pixels[at + 1]) + 0.0722 * linear(pixels[at + 2]);
    return sum / (pixels.length / 4);
  }, png);
};

describe.skipIf(CHROMIUM === null)("without colour", () => {
  test.each(["light", "dark"] as const)(
    "a failed bar is at least as dark as a successful one: %s",
    async (colorScheme) => {
      await using petit = await startPetit({ jobs: JOBS });
      for (const id of ["good", "bad"]) await runToEnd(petit, id);
      await using web = await openWeb({ url: petit.url, colorScheme });
      await web.open("/jobs");
      const [failed, completed] = [
        await luminanceOf(web.page, ".recent-bars rect[data-status=failed]"),
        await luminanceOf(web.page, ".recent-bars rect[data-status=completed]"),
      ];
      expect({ failed, completed, isAsDark: failed <= completed }).toMatchObject({ isAsDark: true });
      expect(web.complaints()).toEqual([]);
    },
    60_000,
  );
});
