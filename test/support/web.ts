import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { type Browser, startBrowser } from "./browser.ts";

const ROOT = join(import.meta.dirname, "../..");
const AXE = readFileSync(join(ROOT, "node_modules/axe-core/axe.min.js"), "utf8");

// A petit that is started from its source serves what was bundled last: bundle what is there now.
spawnSync(join(ROOT, "scripts/build-page"), [process.execPath]);

/** The dashboard of a petit in Chromium. Disposing closes the browser. */
export interface Web extends AsyncDisposable {
  readonly page: Page;
  /** Visits a path of the dashboard and waits until its data is there. */
  open(path: string): Promise<void>;
  /**
   * What the page has had to complain of so far, and what it did that it must not: errors in the console, violations of
   * its policy, requests to anywhere but its petit, answers of 400 and above (`401 /api/jobs`).
   */
  complaints(): readonly string[];
  /** What axe-core finds, in a line each. */
  axe(): Promise<readonly string[]>;
}

export type WebOptions = {
  /** Of the petit, such as `http://127.0.0.1:8565`. */
  readonly url: string;
  /** 1280 × 800 where not given. */
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "light" | "dark";
};

export const openWeb = async ({ url, viewport, colorScheme = "light" }: WebOptions): Promise<Web> => {
  const browser = await startBrowser([]);
  const page = await browser.context.newPage();
  await page.setViewportSize(viewport ?? { width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme });
  const complaints = collectComplaints(page, url);
  return {
    page,
    open: async (path) => {
      await page.goto(`${url}${path}`);
      await loaded(page);
    },
    complaints: () => complaints,
    axe: () => axe(page),
    [Symbol.asyncDispose]: () => (browser satisfies Browser)[Symbol.asyncDispose](),
  };
};

/** Waits until the view has its heading, and nothing of it is on its way any more. */
export const loaded = async (page: Page): Promise<void> => {
  await page.locator("main h1").waitFor();
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
};

const collectComplaints = (page: Page, url: string): string[] => {
  const complaints: string[] = [];
  page.on("console", (message) => {
    // What could not be loaded is told better below.
    if (["error", "warning"].includes(message.type()) && !message.text().startsWith("Failed to load resource"))
      complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${url}/`) && !request.url().startsWith("data:")) complaints.push(request.url());
  });
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${new URL(response.url()).pathname}`);
  });
  return complaints;
};

type Finding = { readonly id: string; readonly help: string; readonly nodes: readonly { readonly html: string }[] };

const axe = async (page: Page): Promise<readonly string[]> => {
  await page.evaluate(AXE);
  await page.evaluate(SETTLED);
  const found: readonly Finding[] = await page.evaluate("axe.run().then(({ violations }) => violations)");
  return found.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
};

/** What fades in has less contrast until it is there; what turns for ever is not waited for. */
const SETTLED = `Promise.allSettled(document.getAnimations()
  .filter(({ effect }) => Number.isFinite(effect.getComputedTiming().endTime))
  .map(({ finished }) => finished))
  .then(() => undefined)`;

/** Waits until an expression holds in the page, looked at once a frame. (The page's policy forbids `waitForFunction`.) */
export const holds = async (page: Page, expression: string): Promise<void> => {
  await page.evaluate(`new Promise((resolve) => {
    const look = () => ((${expression}) ? resolve() : requestAnimationFrame(look));
    look();
  })`);
};
