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

/** Stores a value, or with null removes it. Returns false if the browser denies access to its storage, or has no room: then it is lost when the page is closed. */
export const writeStored = (area: StorageArea, key: string, value: string | null): boolean => {
  try {
    if (value === null) storageOf(area).removeItem(key);
    else storageOf(area).setItem(key, value);
    return true;
  } catch {
    return false;
  }
};

const storageOf = (area: StorageArea): Storage => (area === "session" ? sessionStorage : localStorage);
