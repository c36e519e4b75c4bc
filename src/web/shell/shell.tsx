/**
 * The frame around every view, and the table of contents of the dashboard.
 *
 * To add a view:
 * 1. Create `src/web/NAME/NAME-view.tsx` with one exported component. It renders a `Page` (ui/page.tsx), reads data with
 *    `useQuery(…Query())` (data/queries.ts) inside `Loaded` (ui/states.tsx), and acts with the hooks of data/actions.ts,
 *    which show notices about the outcome. Buttons that change something are an `ActionButton` (ui/action-button.tsx), which says
 *    which role they need. src/client/stale-data.ts says which queries an event makes stale.
 * 2. Add it to `views.ts` (the view and `VIEWS`), which loads it when it is first visited, to `routes.tsx`, and its path to
 *    `VIEWS` and `SEPARATE_VIEWS` of `src/app/page.ts`, so that petit serves the page at this path and preloads the view. Data
 *    that `loadFirst` requests is also in `firstRequests` there. Link it in `header.tsx` (`SECTIONS`), and give it a key in
 *    `useShellShortcuts` below.
 * 3. Import its stylesheet `NAME.css` in the view. Colours, sizes and gaps are variables of ui/style/tokens.css.
 * 4. Give the main link of each row `data-row`, so that `j` and `k` move between rows, and a search field `data-search`. Add
 *    other keys with `useShortcut`.
 * 5. Add it to the table of `test/support/web/views.ts`: tests check it with axe-core, and scripts/screenshots captures it.
 */
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { lazyDialog, preloadDialogs } from "../data/lazy-dialog.tsx";
import { useConnectionState } from "../data/live/connection.tsx";
import { useHasWorkers, useIsEditing } from "../data/selected.ts";
import { focusSearch, moveRow, useKeyboard, useShortcut } from "../keyboard/shortcuts.ts";
import { Notices } from "../ui/overlay/notices.tsx";
import { ErrorBoundary } from "./error-boundary.tsx";
import { Header } from "./header.tsx";
import { PaletteKey } from "./palette-key.tsx";
import { Routes } from "./routes.tsx";
import "./shell.css";
import { LoginDialog } from "./login-dialog.tsx";
import { preloadAll } from "./views.ts";

const KeyboardHelp = lazyDialog(async () => (await import("../keyboard/help.tsx")).KeyboardHelp);

export const Shell = () => {
  const [isHelpOpen, setHelpOpen] = useState(false);
  useKeyboard();
  const isConnected = useConnectionState() === "connected";
  const isUsed = useIsUsed() && isConnected;
  usePreload(isUsed);
  useShellShortcuts(() => setHelpOpen(true));
  const [path] = useLocation();
  const hasWorkers = useHasWorkers();
  return (
    <>
      <a className="skip-link visually-hidden" href="#main">
        Skip to content
      </a>
      <Header onHelp={() => setHelpOpen(true)} />
      <Outage />
      <main id="main" tabIndex={-1}>
        <ErrorBoundary key={path}>
          <Routes />
        </ErrorBoundary>
      </main>
      {isHelpOpen && <KeyboardHelp onClose={() => setHelpOpen(false)} />}
      <PaletteKey />
      {hasWorkers && <WorkersKey />}
      {isUsed && <EditKey />}
      <Notices />
      <LoginDialog />
    </>
  );
};

/** The shortcut to the workers, for a petit that runs with workers or knows some. */
const WorkersKey = () => {
  const [, navigate] = useLocation();
  useShortcut({ key: "g w", what: "Go to Workers", run: () => navigate("/workers") });
  return null;
};

/** The shortcut to the job files, for a petit that lets them be edited. */
const EditKey = () => {
  const [, navigate] = useLocation();
  const isOn = useIsEditing();
  useShortcut({ key: "g e", what: "Edit job files", run: () => navigate("/edit"), isOn });
  return null;
};

/** Delay in ms, so that the first view loads before the others. */
const PRELOAD_AFTER_MS = 2_000;

/** What a person who uses the page does first. */
const FIRST_USES = ["pointermove", "pointerdown", "keydown", "scroll"] as const;

/** Loads the dialogs and the other views when somebody begins to use the page: a screen on a wall, or a glance at Now, needs none of them. */
const usePreload = (isUsed: boolean): void => {
  useEffect(() => {
    if (!isUsed) return;
    void preloadDialogs();
    const timer = setTimeout(() => void preloadAll(), PRELOAD_AFTER_MS);
    return () => clearTimeout(timer);
  }, [isUsed]);
};

const useIsUsed = (): boolean => {
  const [isUsed, setUsed] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const note = (): void => {
      stop.abort();
      setUsed(true);
    };
    for (const each of FIRST_USES) addEventListener(each, note, { signal: stop.signal, passive: true, capture: true });
    return () => stop.abort();
  }, []);
  return isUsed;
};

const useShellShortcuts = (openHelp: () => void): void => {
  const [, navigate] = useLocation();
  useShortcut({ key: "/", what: "Search", run: focusSearch });
  useShortcut({ key: "j", what: "Next row", isMove: true, run: () => moveRow(1), doesRepeat: true });
  useShortcut({ key: "k", what: "Previous row", isMove: true, run: () => moveRow(-1), doesRepeat: true });
  useShortcut({ key: "g n", what: "Go to Now", run: () => navigate("/") });
  useShortcut({ key: "g j", what: "Go to Jobs", run: () => navigate("/jobs") });
  useShortcut({ key: "g r", what: "Go to Runs", run: () => navigate("/runs") });
  useShortcut({ key: "g b", what: "Go to Backfills", run: () => navigate("/backfills") });
  useShortcut({ key: "g v", what: "Go to Review", run: () => navigate("/review") });
  useShortcut({ key: "g o", what: "Search the output", run: () => navigate("/search") });
  useShortcut({ key: "g s", what: "Go to System", run: () => navigate("/system") });
  useShortcut({ key: "?", what: "Show this help", run: openHelp });
};

const OUTAGE_TEXT = {
  reconnecting: "petit is unreachable. This page shows the last known state and reconnects automatically.",
  offline:
    "petit has been unreachable for a while. This page shows the last known state and keeps trying to reconnect.",
} as const;

/** A line below the header while petit is unreachable. */
const Outage = () => {
  const state = useConnectionState();
  if (state !== "reconnecting" && state !== "offline") return null;
  return (
    <p className="shell-outage" role="status">
      {OUTAGE_TEXT[state]}
    </p>
  );
};
