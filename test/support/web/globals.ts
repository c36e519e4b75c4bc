/** Defines the browser globals that src/web/data uses when it is loaded. Import this file first. */
const stored = new Map<string, string>();

/** Characters that a browser stores for a page. */
const QUOTA = 5_242_880;

const store = (key: string, value: string): void => {
  const others = [...stored].filter(([each]) => each !== key);
  if ([...others, [key, value]].reduce((sum, pair) => sum + pair.join("").length, 0) > QUOTA)
    throw new Error("no room");
  stored.set(key, value);
};

Object.assign(globalThis, {
  location: { origin: "http://127.0.0.1:1" },
  requestAnimationFrame: (run: () => void) => setTimeout(run, 0),
  cancelAnimationFrame: clearTimeout,
});

// Deno has one of its own, which an assignment does not replace.
Object.defineProperty(globalThis, "sessionStorage", {
  configurable: true,
  value: {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: store,
    removeItem: (key: string) => void stored.delete(key),
    clear: () => stored.clear(),
  },
});
