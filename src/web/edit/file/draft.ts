import { readStored, writeStored } from "../../data/stored-preference.ts";

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

const KEY = "petit.drafts";

/** Returns the draft of a file, which survives a reload of the page, or null if there is none. */
export const readDraft = (path: string): KeptDraft | null => readDrafts().find(([each]) => each === path)?.[1] ?? null;

/** Keeps the draft of a file until the tab is closed, or with null removes it. The oldest drafts make room. Returns false if it is too long. */
export const keepDraft = (path: string, draft: KeptDraft | null): boolean => {
  const others = readDrafts().filter(([each]) => each !== path);
  const fits = draft !== null && draft.text.length + (draft.aside?.length ?? 0) <= MAX_LENGTH;
  writeStored("session", KEY, JSON.stringify([...(fits ? [[path, draft]] : []), ...others].slice(0, MAX_DRAFTS)));
  return draft === null || fits;
};

type Drafts = readonly (readonly [path: string, draft: KeptDraft])[];

const readDrafts = (): Drafts => {
  try {
    const stored: unknown = JSON.parse(readStored("session", KEY) ?? "[]");
    return Array.isArray(stored) ? stored.filter(isEntry) : [];
  } catch {
    return [];
  }
};

const isEntry = (value: unknown): value is Drafts[number] => {
  if (!Array.isArray(value)) return false;
  const [path, draft]: readonly unknown[] = value;
  if (typeof path !== "string" || typeof draft !== "object" || draft === null) return false;
  return (
    "text" in draft &&
    typeof draft.text === "string" &&
    "base" in draft &&
    isTextOrNull(draft.base) &&
    "aside" in draft &&
    isTextOrNull(draft.aside)
  );
};

const isTextOrNull = (value: unknown): boolean => value === null || typeof value === "string";
