import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { runToEnd, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb, type Web } from "../../support/web/web.ts";

const ID = `long_${"x".repeat(123)}`;
const NAME = `Long ${"W".repeat(195)}`;
const PARAM = `param_${"n".repeat(90)}`;
const TASK = "t".repeat(128);

const JOBS = {
  "long.yaml": `
id: ${ID}
name: ${NAME}
description: ${"d".repeat(300)}
schedule: "0 2 * * *"
params:
  ${PARAM}: {default: "${"v".repeat(800)}"}
  none: {default: ""}
  last: {pattern: "^${"a".repeat(120)}$"}
tasks:
  - {id: ${TASK}, type: shell, script: 'echo "${"k".repeat(60)}=${"o".repeat(500)}" >> "$PETIT_OUTPUT"'}
  - {id: b, type: command, command: "false", depends_on: [${TASK}]}
---
id: fails
tasks: [{id: only, type: shell, script: 'echo "error: ${"p".repeat(200)} ${"q".repeat(200)}: the decisive end" >&2; exit 1'}]
---
id: asks
tasks: [{id: ok, name: ${NAME}, type: approval}]
`,
};

const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 375, height: 812 } } as const;

describe.skipIf(CHROMIUM === null)("names and values of maximum length", () => {
  let [petit, run, asking]: [Petit?, string?, string?] = [];
  const running = (): Petit => {
    if (petit === undefined) throw new Error("not started");
    return petit;
  };
  const beyond = ({ page }: Web): Promise<number> =>
    page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
  beforeAll(async () => {
    petit = await startPetit({ jobs: JOBS });
    run = (await runToEnd(petit, ID)).id;
    asking = await start(petit, "asks");
    await runToEnd(petit, "fails");
  }, 60_000);
  afterAll(async () => await petit?.[Symbol.asyncDispose](), 30_000);

  test.each(Object.entries({ ...SIZES, wide: { width: 1440, height: 900 } }))(
    "of an error end with its end in lists on a %s, and Now shows all of it",
    async (_, viewport) => {
      await using web = await openWeb({ ...running(), viewport });
      const { page } = web;
      /** The end is there, and no part of the text is hidden. */
      const isCut = (selector: string): Promise<unknown> =>
        page
          .locator(selector, { hasText: "decisive end" })
          .evaluate(
            (element) => `${element.textContent?.includes("…")} ${element.scrollHeight > element.clientHeight + 1}`,
          );
      await web.open("/runs?job=fails");
      expect(await isCut(".run-table-failure")).toBe("true false");
      await web.open("/runs?job=fails&group=job");
      expect(await isCut(".attention-why")).toBe("true false");
      await web.open("/");
      const row = page.locator(".attention-row", { hasText: "decisive end" });
      expect(await isCut(".attention-why")).toBe("true false");
      await row.getByRole("button", { name: "Show all" }).click();
      await row.getByText(`${"p".repeat(200)} ${"q".repeat(200)}: the decisive end`).waitFor();
      expect(await isCut(".attention-why")).toBe("false false");
      expect(await beyond(web)).toBe(0);
      expect(await web.axe()).toEqual([]);
    },
    30_000,
  );

  for (const [size, viewport] of Object.entries(SIZES)) {
    test(`fit each view on a ${size}`, async () => {
      await using web = await openWeb({ ...running(), viewport });
      for (const path of ["/", "/jobs", `/jobs/${ID}`, "/runs", `/runs/${run}`, `/runs/${asking}`]) {
        await web.open(path);
        expect([path, await beyond(web)]).toEqual([path, 0]);
      }
      await web.open("/jobs");
      const row = await web.page.locator(`tr:has([data-job="${ID}"])`).boundingBox();
      expect(row?.height).toBeLessThan(220);
      await web.open(`/jobs/${ID}`);
      const settings = await web.page.getByRole("region", { name: "Settings" }).boundingBox();
      expect(settings?.height).toBeLessThan(800);
    }, 60_000);

    test(`fit the form on a ${size}, which focuses the first invalid field`, async () => {
      await using web = await openWeb({ ...running(), viewport });
      await web.open(`/jobs/${ID}`);
      await web.page.getByRole("button", { name: "Run now" }).click();
      const dialog = web.page.getByRole("dialog");
      await dialog.getByLabel("last").fill("b");
      expect(await dialog.evaluate((each) => each.scrollWidth - each.clientWidth)).toBe(0);
      expect(await dialog.locator("[data-param=none] small").textContent()).toBe("default empty");
      await dialog.getByRole("button", { name: "Run now" }).click();
      await dialog.locator("[data-param=last] input[aria-invalid]:focus").waitFor();
    }, 60_000);
  }
});
