/** Where the browser stores a value: until the tab is closed, or permanently. */
export type StorageArea = "session" | "local";

/** Returns the stored value, or null if there is none or the browser denies access to its storage. */
export const readStored = (area: StorageArea, key: string): string | null => {
  try {
    return storageOf(area).getItem(key);
  } catch {
    return null;
  }
};

/** Stores a value. If the browser denies access to its storage, the value is lost when the page is closed. */
export const writeStored = (area: StorageArea, key: string, value: string): void => {
  try {
    storageOf(area).setItem(key, value);
  } catch {
    // The caller holds the value until the page is closed.
  }
};

const storageOf = (area: StorageArea): Storage => (area === "session" ? sessionStorage : localStorage);
