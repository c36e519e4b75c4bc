import type { ReloadCause } from "../versions/version.ts";

/** Why the job files were read. */
export const RELOAD_CAUSE_TEXT: Readonly<Record<ReloadCause, string>> = {
  start: "petit started",
  watch: "petit noticed that a file had changed",
  signal: "a signal (SIGHUP)",
  api: "somebody asked for it",
};
