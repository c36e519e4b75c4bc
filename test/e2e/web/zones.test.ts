import { describe, expect, test } from "bun:test";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml": `id: own
schedule: {cron: "0 12 * * *", timezone: Asia/Kathmandu}
tasks: [{id: only, type: command, command: "true"}]
---
id: petits
schedule: "0 12 * * *"
tasks: [{id: only, type: command, command: "true"}]
---
id: here
schedule: {cron: "0 12 * * *", timezone: UTC}
tasks: [{id: only, type: command, command: "true"}]
---
id: now
schedule: {cron: "* * * * * *", timezone: Asia/Kathmandu}
tasks: [{id: only, type: command, command: "true"}]
`,
};

const OWN = "12:00 Asia/Kathmandu, 06:15 yours";
const PETITS = "12:00 Asia/Tokyo, 03:00 yours";

describe.skipIf(CHROMIUM === null)("times of schedules", () => {
  test("name their zone and the reader's time wherever the zone is not the reader's", async () => {
    await using petit = await startPetit({ jobs: JOBS, args: ["--timezone", "Asia/Tokyo"] });
    await using web = await openWeb(petit);
    const { page } = web;
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setTimezoneOverride", { timezoneId: "UTC" });

    await web.open("/");
    const next = page.getByRole("region", { name: "Next up" });
    for (const text of [OWN, PETITS]) await next.getByText(text).waitFor();
    await becomes(() => next.getByText("yours").count(), 3);

    await web.open("/jobs");
    const row = (name: string) => page.getByRole("row").filter({ has: page.locator(`[data-job=${name}]`) });
    for (const text of ["Every day at 12:00 (Asia/Kathmandu)", OWN]) await row("own").getByText(text).waitFor();
    for (const text of ["Every day at 12:00 (Asia/Tokyo)", PETITS]) await row("petits").getByText(text).waitFor();
    expect(
      await row("here")
        .getByText(/\(UTC\)|yours/)
        .count(),
    ).toBe(0);

    await web.open("/jobs/petits");
    const schedule = page.getByRole("region", { name: "Schedule" });
    for (const text of ["Every day at 12:00 (Asia/Tokyo)", "12:00 Asia/Tokyo, "])
      await schedule.getByText(text).first().waitFor();

    await web.open("/jobs/now");
    await page.getByRole("region", { name: "History" }).locator("[data-row]").first().click();
    await page.getByText(/^(\w+,? \w+ \w+,? )?\d\d:\d\d Asia\/Kathmandu, .* yours$/).waitFor();
    expect(web.complaints()).toEqual([]);
  }, 60_000);
});
