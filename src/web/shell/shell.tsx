/**
 * The frame around every view, and the table of contents of the dashboard.
 *
 * How a view is added:
 * 1. A folder of its own, `src/web/NAME/NAME-view.tsx`, which exports one component. It renders a `Page` (ui/page.tsx), asks
 *    for data with `useQuery(…Query())` (data/queries.ts) inside `Loaded` (ui/states.tsx), and acts with the hooks of
 *    data/actions.ts, which tell by themselves what became of it. Nothing polls: data/apply-events.ts says which queries an
 *    event of petit makes stale.
 * 2. Lines in `views.ts`, which loads it when it is first visited, and in `routes.tsx`; its path in `src/app/page.ts`, so that
 *    it can be linked to.
 * 3. Its own stylesheet, `NAME.css`, imported by the view; colours, sizes and gaps are tokens (ui/tokens.css).
 * 4. Rows to move between with `j` and `k` have a link with `data-row`; a search field has `data-search`; other keys are
 *    added with `useShortcut`.
 * 5. A line in the table of `test/support/web-views.ts`: the tests look at it for what axe-core finds, scripts/screenshots draws it.
 */
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { useConnectionState } from "../data/live/connection.tsx";
import { KeyboardHelp } from "../keyboard/help.tsx";
import { focusSearch, moveRow, useKeyboard, useShortcut } from "../keyboard/shortcuts.ts";
import { Notices } from "../ui/overlay/notices.tsx";
import { ErrorBoundary } from "./error-boundary.tsx";
import { Header } from "./header.tsx";
import { Outage } from "./outage.tsx";
import { Routes } from "./routes.tsx";
import "./shell.css";
import { TokenDialog } from "./token-dialog.tsx";
import { preloadAll } from "./views.ts";
import { Welcome } from "./welcome.tsx";

export const Shell = () => {
  const [isHelpOpen, setHelpOpen] = useState(false);
  useKeyboard();
  usePreload();
  useShellShortcuts(() => setHelpOpen(true));
  const [path] = useLocation();
  return (
    <>
      <a className="skip-link visually-hidden" href="#main">
        Skip to content
      </a>
      <Header onHelp={() => setHelpOpen(true)} />
      <Outage />
      <main id="main" tabIndex={-1}>
        {path === "/" && <Welcome />}
        <ErrorBoundary key={path}>
          <Routes />
        </ErrorBoundary>
      </main>
      {isHelpOpen && <KeyboardHelp onClose={() => setHelpOpen(false)} />}
      <Notices />
      <TokenDialog />
    </>
  );
};

/** Ms: what somebody came for is there by then. */
const PRELOAD_AFTER_MS = 2_000;

const usePreload = (): void => {
  const isConnected = useConnectionState() === "connected";
  useEffect(() => {
    if (!isConnected) return;
    const timer = setTimeout(() => void preloadAll(), PRELOAD_AFTER_MS);
    return () => clearTimeout(timer);
  }, [isConnected]);
};

const useShellShortcuts = (openHelp: () => void): void => {
  const [, navigate] = useLocation();
  useShortcut({ key: "/", what: "Search", run: focusSearch });
  useShortcut({ key: "j", what: "Next row", run: () => moveRow(1), doesRepeat: true });
  useShortcut({ key: "k", what: "Previous row", run: () => moveRow(-1), doesRepeat: true });
  useShortcut({ key: "g n", what: "Go to Now", run: () => navigate("/") });
  useShortcut({ key: "g j", what: "Go to Jobs", run: () => navigate("/jobs") });
  useShortcut({ key: "g r", what: "Go to Runs", run: () => navigate("/runs") });
  useShortcut({ key: "g s", what: "Go to System", run: () => navigate("/system") });
  useShortcut({ key: "?", what: "Show this help", run: openHelp });
};
