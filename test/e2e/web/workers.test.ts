import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { pageFiles } from "../../../src/app/page.ts";
import { parseJobId, parseTaskId } from "../../../src/domain/ids.ts";
import { fakeApiWithWorkers } from "../../support/petit/api-workers.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { openWeb, type Web } from "../../support/web/web.ts";

describe.skipIf(CHROMIUM === null)("the workers of a petit", () => {
  const parts = new AsyncDisposableStack();
  let fake: Awaited<ReturnType<typeof fakeApiWithWorkers>>;
  let [web, url]: [Web?, string?] = [];
  beforeAll(async () => {
    fake = await fakeApiWithWorkers({ page: pageFiles(), allowedHosts: ["127.0.0.1"] });
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => fake.api.handle(request) });
    parts.defer(() => server.stop(true));
    url = `http://127.0.0.1:${server.port}`;
    web = parts.use(await openWeb({ url }));
  }, 60_000);
  afterAll(() => parts.disposeAsync(), 60_000);

  const opened = async (path: string): Promise<Web> => {
    if (web === undefined) throw new Error("not started");
    await web.open(path);
    return web;
  };

  test("are listed with what runs on them, and drained after confirmation", async () => {
    const { page, axe } = await opened("/");
    await page.getByRole("link", { name: "Workers", exact: true }).first().click();
    const row = page.locator('[data-worker="box7"]');
    await row.getByText("1 of 2").waitFor();
    expect(await row.getByRole("link", { name: "only" }).getAttribute("href")).toBe(`/runs/${fake.run.id}?task=only`);
    await page.locator('[data-worker-state="unreachable"]').waitFor();
    await page.locator('[data-labels="oracle"]').getByText("none is connected").waitFor();
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      expect(await axe()).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    }
    const drained: string[] = [];
    fake.engine.drainWorker = async (name) => {
      drained.push(name);
      fake.engine.workers = fake.engine.workers.map((each) =>
        each.name === name ? { ...each, isDraining: true } : each,
      );
    };
    await row.getByRole("button", { name: "Drain box7" }).click();
    const dialog = page.getByRole("dialog");
    expect(await axe()).toEqual([]);
    await dialog.getByRole("button", { name: "Drain" }).click();
    await row.getByRole("button", { name: "Resume box7" }).waitFor();
    expect(drained).toEqual(["box7"]);
  }, 60_000);

  test("fit a phone, a tablet and a desktop, with names and labels of maximum length", async () => {
    const { workers } = fake.engine;
    const lastContactAt = Date.now() - 2_000;
    const [first] = workers;
    if (first === undefined) throw new Error("no worker");
    const idle = { ...first, lastContactAt, attempts: [] };
    const ordinary = [
      { ...idle, attempts: first.attempts.map((each) => ({ ...each, claimedAt: lastContactAt })) },
      { ...idle, name: "box8", isDraining: true, state: "unreachable" as const },
    ];
    const attempts = first.attempts.map((each) => ({
      ...each,
      claimedAt: lastContactAt,
      jobId: parseJobId("j".repeat(128)) ?? each.jobId,
      taskId: parseTaskId("t".repeat(128)) ?? each.taskId,
    }));
    const labels = ["l".repeat(63), "z".repeat(63)];
    const long = { ...idle, name: "w".repeat(63), address: "h".repeat(63), labels, attempts };
    const { page, axe } = await opened("/workers");
    const beyond = (selector: string): Promise<number> =>
      page.evaluate<number>(
        `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector("${selector}"))`,
      );
    for (const width of [375, 768, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      fake.engine.workers = ordinary;
      await opened("/workers");
      expect([width, await beyond("html"), await beyond(".table-scroll")]).toEqual([width, 0, 0]);
      fake.engine.workers = [...ordinary, long];
      await opened("/workers");
      expect([width, await beyond("html"), await axe()]).toEqual([width, 0, []]);
      const label = await page.locator('[data-worker="box8"]').getByText("zone=eu").boundingBox();
      expect(label?.height).toBeLessThan(30);
    }
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await axe()).toEqual([]);
    await page.emulateMedia({ colorScheme: "light" });
    fake.engine.workers = workers;
  }, 60_000);

  test("are named by their labels on the page of a run whose task waits for one", async () => {
    const { page, axe } = await opened(`/runs/${fake.run.id}?task=only`);
    const text = "waits for a worker with oracle: none is connected";
    await page.locator('[data-waits="only"]').getByText(text).waitFor();
    expect(await axe()).toEqual([]);
  }, 60_000);

  test("are not in the navigation of a petit without workers", async () => {
    const { dispatch, workers } = fake.engine;
    fake.engine.dispatch = null;
    fake.engine.workers = [];
    const { page } = await opened("/jobs");
    await page.getByRole("link", { name: "System" }).waitFor();
    expect(await page.getByRole("link", { name: "Workers" }).count()).toBe(0);
    await opened("/workers");
    await page.getByText("petit runs without workers").waitFor();
    Object.assign(fake.engine, { dispatch, workers });
  }, 60_000);
});
