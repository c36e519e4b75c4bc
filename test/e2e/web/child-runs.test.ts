import { describe, expect, test } from "bun:test";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";

const JOBS = {
  "jobs.yaml": `
id: nightly
tasks:
  - {id: one, name: Load all, type: job, job: load, params: {n: fine}}
  - {id: each, type: job, job: load, foreach: [a, b], params: {n: "\${{ item }}"}, depends_on: [one]}
---
id: load
params: {n: {required: true}}
outputs: {loaded: "\${{ params.n }}"}
tasks: [{id: t, type: shell, script: echo loading}]
`,
};

describe.skipIf(CHROMIUM === null)("child runs", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS }));

  test("are linked with their parent, both ways", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "nightly");
    const { runs } = (await ask(petit, `/api/runs?parent=${id}`)).body;
    const idOf = (n: string): string => runs.find(({ params }: { params: { n: string } }) => params.n === n).id;
    await web.open(`/runs/${id}?task=one`);
    await page.locator(`[data-child-note=one] [data-run-link="${idOf("fine")}"]`).waitFor();
    expect(await web.axe()).toEqual([]);
    await page.locator(`[data-child-of=one] [data-run-link="${idOf("fine")}"]`).click();
    await page.getByText("Outputs").first().waitFor();
    await page.getByRole("link", { name: id.slice(-8) }).click();
    await page.locator("[data-child-of=each] a").click();
    await page.locator(`[data-run-link="${idOf("b")}"]`).waitFor();
    expect(await web.axe()).toEqual([]);
    await web.open("/jobs/load");
    await page.getByText("Run by").waitFor();
    expect(await page.locator("[aria-labelledby=neighbours]").textContent()).toContain("nightly task one");
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});
