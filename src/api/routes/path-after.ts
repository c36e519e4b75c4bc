/**
 * Returns the decoded path in the URL of a request after the first `parts` parts, of which the empty one at the beginning is one. Returns null
 * if it is malformed.
 */
export const pathAfter = (parts: number, url: string): string | null => {
  try {
    return decodeURIComponent(new URL(url).pathname.split("/").slice(parts).join("/"));
  } catch {
    return null;
  }
};
