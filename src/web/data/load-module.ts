const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;

/**
 * Loads a part of the page that comes later; while petit is away, it waits. Throws where petit is there and the part is
 * not: petit is another version than the page.
 */
export const loadModule = async <Part>(load: () => Promise<Part>): Promise<Part> => {
  let wasThere = false;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(MAX_DELAY_MS, delayMs * 2)) {
    try {
      return await load();
    } catch (cause) {
      if (wasThere) throw new Error("petit is another version than this page, which must be loaded anew.", { cause });
    }
    wasThere = await isThere();
    if (!wasThere) await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
};

/** What a proxy says in petit's place counts as nobody. */
const isThere = async (): Promise<boolean> => {
  const answer = await fetch("/api/health", { cache: "no-store" }).catch(() => null);
  return answer !== null && answer.headers.get("content-type")?.startsWith("application/json") === true;
};
