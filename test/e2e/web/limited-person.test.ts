import { describe, expect, test } from "bun:test";
import { runToEnd } from "../../support/petit/api.ts";
import { createPerson } from "../../support/petit/people.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { VIEWS } from "../../support/web/views.ts";
import { loaded, openWeb } from "../../support/web/web.ts";

const jobOf = (id: string): string =>
  `id: ${id}\nname: Name ${id}\nschedule: "0 3 * * *"\ntasks: [{id: only, type: shell, script: "echo output of ${id}; exit 1"}]\n`;

describe.skipIf(CHROMIUM === null)("the page of somebody who is limited to some jobs", () => {
  test("shows only these in every view, without errors, dead links and buttons that would be refused", async () => {
    await using petit = await startPetit({
      jobs: { "own.yaml": jobOf("etl_own"), "other.yaml": jobOf("zz_hidden"), "broken.yaml": "id: zz_hidden_broken\n" },
    });
    const root = await createPerson(petit, "root", ["--role", "admin"]);
    const person = await createPerson(petit, "mara", ["--role", "admin", "--jobs", "etl_*"]);
    await runToEnd(root, "zz_hidden");
    const { id: runId } = await runToEnd(root, "etl_own");
    await using web = await openWeb(petit);
    const { page } = web;
    await web.open("/");
    await page.getByRole("textbox", { name: "Token" }).fill(person.token);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.locator("[data-connection=connected]").waitFor();
    const before = web.complaints().length;
    for (const { path } of VIEWS) {
      const address = path({ jobId: "etl_own", runId });
      await web.open(address);
      await loaded(page);
      expect([address, /.{0,80}zz_hidden/.exec((await page.locator("body").textContent()) ?? "")?.[0] ?? null]).toEqual(
        [address, null],
      );
    }
    await web.open("/system");
    await loaded(page);
    for (const name of ["Pause scheduler", "Reload job files", "Reload", "Tokens"])
      expect([name, await page.getByRole("button", { name }).or(page.getByRole("link", { name })).count()]).toEqual([
        name,
        0,
      ]);
    await page.getByRole("button", { name: /mara/ }).click();
    await page.getByRole("dialog").getByText("only jobs etl_*; others are not shown").waitFor();
    await page.keyboard.press("Escape");
    await web.open("/jobs/zz_hidden");
    await page.getByText("job 'zz_hidden' was not found").waitFor();
    // The view of tokens was opened by its address, to which nothing leads.
    expect(
      web
        .complaints()
        .slice(before)
        .filter((text) => !text.includes("zz_hidden") && text !== "403 /api/tokens"),
    ).toEqual([]);
  }, 60_000);
});
