import { readStored, writeStored } from "../data/stored-preference.ts";

const KEY = "petit.drafts";

/** Returns the paths of the job files of which this tab keeps an unsaved text, the newest first. */
export const draftPaths = (): readonly string[] => {
  try {
    const stored: unknown = JSON.parse(readStored("session", KEY) ?? "[]");
    return Array.isArray(stored) ? stored.filter((path) => typeof path === "string") : [];
  } catch {
    return [];
  }
};

/** Sets the list. The tab keeps it until it is closed. */
export const writeDraftPaths = (paths: readonly string[]): void =>
  void writeStored("session", KEY, paths.length === 0 ? null : JSON.stringify(paths));
