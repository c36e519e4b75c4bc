import { describe, expect, test } from "bun:test";
import { start } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb } from "../../support/web/web.ts";

const JOBS = {
  "jobs.yaml":
    'id: load\nqueue: db\ntasks: [{id: only, type: command, command: sleep, args: ["600"]}]\n---\n' +
    'id: urgent\nqueue: db\npriority: 5\ntasks: [{id: only, type: command, command: sleep, args: ["600"]}]\n',
};

describe.skipIf(CHROMIUM === null)("the queues on System", () => {
  test("have links to the runs that have a slot and to those that wait, in order", async () => {
    await using petit = await startPetit({ jobs: JOBS, args: ["--queue", "db=1", "--no-watch"] });
    const ids = [await start(petit, "load"), await start(petit, "load"), await start(petit, "urgent")];
    await using web = await openWeb(petit);
    const { page } = web;
    await web.open("/system");
    const queue = page.getByRole("region", { name: "Queue db" });
    await queue.getByText("1 of 1 slot taken, 2 runs waiting.").waitFor();
    const links = await queue.getByRole("link").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    expect(links).toEqual([ids[0], ids[2], ids[1]].map((id) => `/runs/${id}`));
    expect(await web.axe()).toEqual([]);
  }, 60_000);
});
