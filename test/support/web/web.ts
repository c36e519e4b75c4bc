import { expect } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Page } from "playwright-core";
import { type Browser, openProfile } from "./browser.ts";

const ROOT = join(import.meta.dirname, "../../..");
const AXE = readFileSync(join(ROOT, "node_modules/axe-core/axe.min.js"), "utf8");

// petit serves the last bundle if it runs from source, so bundle the current source.
spawnSync(join(ROOT, "scripts/build-page"), [process.execPath]);

/** The dashboard in Chromium. Disposing closes the browser. */
export interface Web extends AsyncDisposable {
  readonly page: Page;
  /** Opens a path of the dashboard and waits until its data is loaded. */
  open(path: string): Promise<void>;
  /**
   * The problems of the page so far: errors in the console, violations of the content security policy, requests to other servers,
   * and responses with 400 or above (`401 /api/jobs`).
   */
  complaints(): readonly string[];
  /** Returns the findings of axe-core, one per line. */
  axe(): Promise<readonly string[]>;
}

export type WebOptions = {
  /** The address of petit, such as `http://127.0.0.1:8565`. */
  readonly url: string;
  /** The size of the page. The default is 1280 × 800. */
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "light" | "dark";
};

export const openWeb = async ({ url, viewport, colorScheme = "light" }: WebOptions): Promise<Web> => {
  const browser = await openProfile();
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

/** Waits until the view has its heading and all its data. */
export const loaded = async (page: Page): Promise<void> => {
  await page.locator("main h1").waitFor();
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
};

const collectComplaints = (page: Page, url: string): string[] => {
  const complaints: string[] = [];
  page.on("console", (message) => {
    // Failed responses are recorded below, with their path.
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

/** Waits for animations, because fading text has less contrast. Endless animations are not waited for. */
const SETTLED = `Promise.allSettled(document.getAnimations()
  .filter(({ effect }) => Number.isFinite(effect.getComputedTiming().endTime))
  .map(({ finished }) => finished))
  .then(() => undefined)`;

/** How long a value of the page may take to become what a test expects, in ms. */
const PATIENCE_MS = 10_000;

/** Waits until a value of the page is as expected, because a view may need more than one frame. Fails with the last value. */
export const becomes = async (read: () => Promise<unknown>, expected: unknown): Promise<void> => {
  const deadline = performance.now() + PATIENCE_MS;
  let value = await read();
  while (!Bun.deepEquals(value, expected) && performance.now() < deadline) {
    await setTimeout(20);
    value = await read();
  }
  expect(value).toEqual(expected);
};

/** Waits until an expression is true in the page, and evaluates it in every frame. The page's policy forbids `waitForFunction`. */
export const holds = async (page: Page, expression: string): Promise<void> => {
  await page.evaluate(`new Promise((resolve) => {
    const look = () => ((${expression}) ? resolve() : requestAnimationFrame(look));
    look();
  })`);
};
