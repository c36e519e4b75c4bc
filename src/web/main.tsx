import { createRoot } from "react-dom/client";
import { type AroundNavHandler, Router } from "wouter";
import { leaveGuard } from "./data/leave-guard.ts";
import { ConnectionProvider, createConnection } from "./data/live/connection.tsx";
import { draftPaths } from "./edit/draft-paths.ts";
import { Shell } from "./shell/shell.tsx";
import { loadFirst } from "./shell/views.ts";
import { applyTheme, storedTheme } from "./ui/display.ts";

// Before anything is painted: the bundler makes the page wait for this script.
if (storedTheme() !== "system") applyTheme(storedTheme());

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no #root");

const connection = createConnection();

/** Maximum delay of the first render, in ms. After it, the page shows placeholders for what is not loaded. */
const FIRST_RENDER_MS = 300;

/** A view with a text that is not saved asks before it is left. */
const aroundNav: AroundNavHandler = (navigate, to, options) => leaveGuard.leave(() => navigate(to, options));

addEventListener("popstate", leaveGuard.onPop);

// The tab may keep an unsaved text on every page, and loses it when it is closed.
addEventListener("beforeunload", (event) => {
  if (draftPaths().length > 0) event.preventDefault();
});

// One render with all data is faster than one per answer. petit lets the browser fetch the data early: see src/app/page.ts.
const delay = new Promise((resolve) => setTimeout(resolve, FIRST_RENDER_MS));
const render = (): void =>
  createRoot(root).render(
    <ConnectionProvider connection={connection}>
      <Router aroundNav={aroundNav}>
        <Shell />
      </Router>
    </ConnectionProvider>,
  );
// A top-level await would make the bundler split the page into many small files.
void Promise.race([loadFirst(location.pathname, connection.client), delay]).then(render);
