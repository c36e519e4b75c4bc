/** What the browser keeps for a page: until the tab is closed, or for good. One that is told to keep nothing keeps nothing. */
export type Keep = "session" | "local";

/** Null where there is nothing. */
export const readKept = (keep: Keep, key: string): string | null => {
  try {
    return storageOf(keep).getItem(key);
  } catch {
    return null;
  }
};

export const writeKept = (keep: Keep, key: string, value: string): void => {
  try {
    storageOf(keep).setItem(key, value);
  } catch {
    // It lasts as long as the page, then.
  }
};

const storageOf = (keep: Keep): Storage => (keep === "session" ? sessionStorage : localStorage);
