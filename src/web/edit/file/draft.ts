import { readStored, writeStored } from "../../data/stored-preference.ts";
import { draftPaths, writeDraftPaths } from "../draft-paths.ts";

/** A text that is not saved. */
export type KeptDraft = {
  readonly text: string;
  /** Digest of the file that it was made from; null for a new file. */
  readonly base: string | null;
  /** The user's text while that of somebody else is in its place; otherwise null. */
  readonly aside: string | null;
};

/**
 * The length of the longest draft, as it is stored. Browsers give a page 5 million characters; a file that petit takes, and another text beside
 * it, have fewer than 4.
 */
const MAX_LENGTH = 4_000_000;

const keyOf = (path: string): string => `petit.draft ${path}`;

/** Returns the draft of a file, which survives a reload of the page, or null if there is none. */
export const readDraft = (path: string): KeptDraft | null => {
  try {
    const stored: unknown = JSON.parse(readStored("session", keyOf(path)) ?? "null");
    return isDraft(stored) ? stored : null;
  } catch {
    return null;
  }
};

/**
 * Keeps the draft of a file until the tab is closed, or with null removes it. If there is no room for it, the oldest of the others make some.
 * Returns false if it can't be kept; what was kept of the file before is removed then, too.
 */
export const keepDraft = (path: string, draft: KeptDraft | null): boolean => {
  const others = draftPaths().filter((each) => each !== path);
  const isKept = draft !== null && store(path, JSON.stringify(draft), others);
  if (!isKept) writeStored("session", keyOf(path), null);
  writeDraftPaths(isKept ? [path, ...others] : others);
  return draft === null || isKept;
};

/** Removes the last of `others` until there is room. */
const store = (path: string, content: string, others: string[]): boolean => {
  if (content.length > MAX_LENGTH) return false;
  while (!writeStored("session", keyOf(path), content)) {
    const oldest = others.pop();
    if (oldest === undefined) return false;
    writeStored("session", keyOf(oldest), null);
  }
  return true;
};

const isDraft = (value: unknown): value is KeptDraft =>
  typeof value === "object" &&
  value !== null &&
  "text" in value &&
  typeof value.text === "string" &&
  "base" in value &&
  isTextOrNull(value.base) &&
  "aside" in value &&
  isTextOrNull(value.aside);

const isTextOrNull = (value: unknown): boolean => value === null || typeof value === "string";
