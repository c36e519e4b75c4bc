/** The longest path that a login returns to. */
const MAX_LENGTH = 1_000;

/** What a path to return to looks like, for messages. */
export const RETURN_PATH_FORM = "a path of petit that begins with one '/', such as /jobs";

/**
 * Returns a path, query and fragment of petit that a browser may be sent to after a login; null for anything that a browser could take
 * for another site, before or after it has normalized it.
 */
export const returnPath = (text: string): string | null => {
  if (text.length > MAX_LENGTH || !text.startsWith("/") || /[\\\p{Cc}]/u.test(text)) return null;
  const url = URL.parse(text, BASE);
  if (url === null || url.origin !== BASE || url.pathname.startsWith("//") || text.startsWith("//")) return null;
  return `${url.pathname}${url.search}${url.hash}`;
};

const BASE = "http://petit.invalid";
