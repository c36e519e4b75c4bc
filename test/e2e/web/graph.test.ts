import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, holds, openWeb } from "../../support/web/web.ts";

const task = (id: string, dependsOn: readonly string[] = [], rest = ""): string =>
  `  - {id: ${id}, type: command, command: "true", depends_on: [${dependsOn.join(", ")}]${rest}}`;

const numbered = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${name}_${String(index).padStart(2, "0")}`);

const [SOURCES, STAGED, MARTS, REPORTS] = [
  numbered("src", 40),
  numbered("stg", 40),
  numbered("mart", 30),
  numbered("rep", 7),
];

const at = (names: readonly string[], index: number): string => names[index % names.length] ?? "";

/** Sources, staging, marts that join several stagings, reports that join marts, and edges that cross several ranks. */
const UPSTREAMS: Readonly<Record<string, readonly string[]>> = {
  start: [],
  ...Object.fromEntries(SOURCES.map((id) => [id, ["start"]])),
  ...Object.fromEntries(STAGED.map((id, index) => [id, [at(SOURCES, index)]])),
  ...Object.fromEntries(
    MARTS.map((id, index) => [id, [index, index * 7 + 3, index * 3 + 11].map((each) => at(STAGED, each))]),
  ),
  ...Object.fromEntries(
    REPORTS.map((id, index) => [id, [at(MARTS, 4 * index), at(MARTS, 4 * index + 1), at(SOURCES, index)]]),
  ),
  publish: [...REPORTS, "start"],
  mail: ["publish", "stg_07"],
};

const EDGES = Object.values(UPSTREAMS).reduce((sum, upstreams) => sum + new Set(upstreams).size, 0);

const JOBS = {
  "large.yaml": `id: large\ntasks:\n${Object.entries(UPSTREAMS)
    .map(([id, upstreams]) => task(id, [...new Set(upstreams)]))
    .join("\n")}\n`,
  "twelve.yaml": `
id: twelve
tasks:
${[
  task("extract_orders"),
  task("extract_users"),
  task("extract_prices"),
  task("check_orders", ["extract_orders"]),
  task("check_users", ["extract_users"]),
  task("join", ["check_orders", "check_users", "extract_prices"]),
  task("aggregate", ["join"]),
  task("charts", ["aggregate"]),
  task("tables", ["aggregate"]),
  task("render", ["charts", "tables"]),
  task("mail", ["render"]),
  task("alert", ["extract_orders", "render"], ", condition: on_failure"),
].join("\n")}
`,
};

type Crossing = { readonly edge: string; readonly node: string };

/** Walks along the path of every edge in steps of 2 px, and returns the foreign nodes that it crosses, on the screen. */
const CROSSINGS = `(() => {
  const nodes = [...document.querySelectorAll("[data-task], [data-group]")].map((each) => {
    const { left, right, top, bottom } = each.getBoundingClientRect();
    return { id: each.dataset.task ?? each.dataset.group, left, right, top, bottom };
  });
  return [...document.querySelectorAll(".graph-edge-path")].flatMap((path) => {
    const { source, target } = path.dataset;
    const matrix = path.getScreenCTM();
    const length = path.getTotalLength();
    const crossed = new Set();
    for (let at = 0; at <= length; at += 2) {
      const { x, y } = path.getPointAtLength(at).matrixTransform(matrix);
      for (const { id, left, right, top, bottom } of nodes) {
        if (id !== source && id !== target && x > left && x < right && y > top && y < bottom) crossed.add(id);
      }
    }
    return [...crossed].map((node) => ({ edge: source + " → " + target, node }));
  });
})()`;

/** The ends of every edge must be at their nodes: the largest distance on the screen, in px. */
const LOOSE_ENDS = `Math.max(...[...document.querySelectorAll(".graph-edge-path")].flatMap((path) => {
  const matrix = path.getScreenCTM();
  return [["source", 0], ["target", path.getTotalLength()]].map(([end, at]) => {
    const { x, y } = path.getPointAtLength(at).matrixTransform(matrix);
    const { left, right, top, bottom } = document.querySelector('[data-task="' + path.dataset[end] + '"]').getBoundingClientRect();
    return Math.max(left - x, x - right, top - y, y - bottom, 0);
  });
}))`;

describe.skipIf(CHROMIUM === null)("the graph", () => {
  const running = sharedWeb(() => startPetit({ jobs: JOBS }));
  const expandAll = async (page: Page): Promise<void> => {
    await page.getByRole("button", { name: "Expand all" }).click();
    await page.locator('[data-task="src_39"]').waitFor();
  };

  test("draws every edge of 120 tasks from its source to its target, and over no other task", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "large");
    for (const path of [`/runs/${id}`, "/jobs/large"]) {
      await web.open(path);
      await expandAll(page);
      await becomes(() => page.locator("[data-task]").count(), 120);
      await becomes(() => page.locator(".graph-edge-path").count(), EDGES);
      expect(await page.evaluate<readonly Crossing[]>(CROSSINGS)).toEqual([]);
      expect(await page.evaluate<number>(LOOSE_ENDS)).toBeLessThan(5);
    }
  }, 120_000);

  test("groups parallel tasks at first, and shows the tasks of one group or of all", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "large");
    await web.open(`/runs/${id}`);
    const groups = page.locator("[data-group]");
    await groups.first().waitFor();
    const before = await page.locator("[data-task], [data-group]").count();
    expect(before).toBeLessThan(60);
    const [first] = await groups.all();
    expect(await first?.textContent()).toMatch(/… .*\d+ tasks/);
    expect(await page.evaluate<readonly Crossing[]>(CROSSINGS)).toEqual([]);
    await first?.click();
    await holds(page, `document.querySelectorAll("[data-task], [data-group]").length > ${before}`);
    await expandAll(page);
    await becomes(() => groups.count(), 0);
    await page.getByRole("button", { name: "Group parallel tasks" }).click();
    await groups.first().waitFor();
    await becomes(() => page.locator("[data-task], [data-group]").count(), before);
  }, 120_000);

  test("finds a task in a collapsed group, and shows it", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "large");
    await web.open(`/runs/${id}`);
    const field = page.getByRole("searchbox", { name: "Find a task" });
    await field.fill("stg_3");
    await page.getByText("10 found").waitFor();
    await field.press("Enter");
    await page.getByText("1 of 10").waitFor();
    await page.waitForURL(`**/runs/${id}?task=stg_30`);
    const box = '[data-task="stg_30"][aria-pressed="true"][data-match="true"]';
    await page.locator(box).waitFor();
    await holds(
      page,
      `(() => {
        const frame = document.querySelector(".graph-box").getBoundingClientRect();
        const node = document.querySelector('${box}').getBoundingClientRect();
        return node.left >= frame.left && node.right <= frame.right && node.top >= frame.top && node.bottom <= frame.bottom;
      })()`,
    );
  }, 90_000);

  test("highlights the edges of the task under the pointer and of the selected task", async () => {
    const { web, page } = running();
    await web.open("/jobs/twelve");
    const lit = () =>
      page
        .locator(".graph-edge.is-lit .graph-edge-path")
        .evaluateAll((paths) =>
          paths.map((each) => `${each.getAttribute("data-source")} ${each.getAttribute("data-target")}`).sort(),
        );
    await becomes(lit, []);
    await page.locator('[data-task="join"]').hover();
    const ofJoin = ["check_orders join", "check_users join", "extract_prices join", "join aggregate"];
    await becomes(lit, ofJoin);
    await page.locator('[data-task="mail"]').click();
    await page.mouse.move(0, 0);
    await becomes(lit, ["render mail"]);
  }, 60_000);

  test("shows conditions on the tasks, and no text on the edges", async () => {
    const { web, page } = running();
    await web.open("/jobs/twelve");
    expect(await page.locator('[data-task="alert"]').textContent()).toContain("on failure");
    expect(await page.locator(".graph-edges text").count()).toBe(0);
    await becomes(() => page.locator(".graph-edge-on_failure").count(), 2);
  }, 60_000);

  test("shows an overview of a graph that is larger than its box, and only then", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "large");
    const map = page.getByRole("img", { name: "Overview of the graph" });
    await web.open("/jobs/twelve");
    await page.locator('[data-task="join"]').waitFor();
    expect(await map.count()).toBe(0);
    await web.open(`/runs/${id}`);
    await expandAll(page);
    await map.waitFor();
    expect(await web.axe()).toEqual([]);
  }, 60_000);

  test("has no label under 11 px with 12 tasks on a screen of 1024 px", async () => {
    const { petit } = running();
    const { id } = await runToEnd(petit, "twelve");
    await using web = await openWeb({ url: petit.url, viewport: { width: 1024, height: 768 } });
    const { page } = web;
    for (const path of ["/jobs/twelve", `/runs/${id}`]) {
      await web.open(path);
      await page.locator('[data-task="alert"]').waitFor();
      const sizes = await page.locator(".graph-node span").evaluateAll((labels) =>
        labels.map((label) => {
          const node = label.closest("button");
          const scale = node === null ? 0 : node.getBoundingClientRect().width / node.offsetWidth;
          return Number.parseFloat(getComputedStyle(label).fontSize) * scale;
        }),
      );
      expect(sizes.length).toBeGreaterThan(24);
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(11 - 0.01);
    }
  }, 60_000);
});
