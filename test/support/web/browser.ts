import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Browser as Process } from "playwright-core";
import { atEnd } from "../at-end.ts";

/**
 * The path of Chromium, or null if it is not installed. scripts/setup-tests installs the one without a user interface, which takes a third less
 * of the processor.
 */
export const CHROMIUM = Bun.which("chromium-headless-shell") ?? Bun.which("chromium");

export type Browser = AsyncDisposable & { readonly context: BrowserContext };

const launchOptions = (names: readonly string[]) => ({
  executablePath: CHROMIUM ?? "chromium",
  headless: true,
  chromiumSandbox: false,
  args: [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--host-resolver-rules=${names.map((name) => `MAP ${name} 127.0.0.1`).join(", ")}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost`,
  ],
});

/** Starts a browser with a new profile. It resolves these host names to 127.0.0.1. */
export const startBrowser = async (names: readonly string[]): Promise<Browser> => {
  const profile = mkdtempSync(join(tmpdir(), "petit-browser-"));
  const context = await chromium.launchPersistentContext(profile, launchOptions(names));
  return {
    context,
    [Symbol.asyncDispose]: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
};

/** The browser of all test files of this process, because its start takes most of a short test. */
let shared: Process | null = null;
atEnd(() => closeSharedBrowser());

/** Opens a new profile in the shared browser, which can reach only this machine. */
export const openProfile = async (): Promise<Browser> => {
  if (shared === null || !shared.isConnected()) shared = await chromium.launch(launchOptions([]));
  const context = await shared.newContext();
  return { context, [Symbol.asyncDispose]: () => context.close() };
};

/** The same, for pages whose certificate nobody has signed. */
export const openTrustingProfile = async (): Promise<Browser> => {
  if (shared === null || !shared.isConnected()) shared = await chromium.launch(launchOptions([]));
  const context = await shared.newContext({ ignoreHTTPSErrors: true });
  return { context, [Symbol.asyncDispose]: () => context.close() };
};

/** Ends the shared browser. Programs other than tests call it, because it keeps their process alive. */
export const closeSharedBrowser = async (): Promise<void> => {
  await shared?.close();
  shared = null;
};

export type Site = AsyncDisposable & { readonly port: number };

/** Starts a server that returns an HTML page for every request. */
export const startSite = async (page: (request: IncomingMessage) => string): Promise<Site> => {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(page(request));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};
