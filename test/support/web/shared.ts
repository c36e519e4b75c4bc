import { afterAll, beforeAll } from "bun:test";
import type { Page } from "playwright-core";
import type { Petit } from "../petit/petit.ts";
import { openWeb, type Web } from "./web.ts";

export type SharedWeb = { readonly petit: Petit; readonly web: Web; readonly page: Page };

/** Starts one petit and one page for all tests of a block. Call the returned function in a test. */
export const sharedWeb = (
  start: () => Promise<Petit>,
  prepare: (petit: Petit) => Promise<unknown> = async () => {},
): (() => SharedWeb) => {
  let shared: SharedWeb | null = null;
  const parts = new AsyncDisposableStack();
  beforeAll(async () => {
    const petit = parts.use(await start());
    await prepare(petit);
    const web = parts.use(await openWeb(petit));
    shared = { petit, web, page: web.page };
  }, 60_000);
  afterAll(() => parts.disposeAsync(), 60_000);
  return () => {
    if (shared === null) throw new Error("not started");
    return shared;
  };
};
