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

/** Drafts that a tab keeps, and the length of the longest. Browsers give a page 5 million characters. */
const MAX_DRAFTS = 8;
const MAX_LENGTH = 400_000;

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

/** Keeps the draft of a file until the tab is closed, or with null removes it. The oldest drafts make room. Returns false if it is too long. */
export const keepDraft = (path: string, draft: KeptDraft | null): boolean => {
  const others = draftPaths().filter((each) => each !== path);
  const fits = draft !== null && draft.text.length + (draft.aside?.length ?? 0) <= MAX_LENGTH;
  for (const old of others.splice(MAX_DRAFTS - 1)) writeStored("session", keyOf(old), null);
  writeStored("session", keyOf(path), fits ? JSON.stringify(draft) : null);
  writeDraftPaths(fits ? [path, ...others] : others);
  return draft === null || fits;
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
