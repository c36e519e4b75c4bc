/** Defines the browser globals that src/web/data uses when it is loaded. Import this file first. */
const stored = new Map<string, string>();

Object.assign(globalThis, {
  location: { origin: "http://127.0.0.1:1" },
  sessionStorage: {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
    clear: () => stored.clear(),
  },
  requestAnimationFrame: (run: () => void) => setTimeout(run, 0),
  cancelAnimationFrame: clearTimeout,
});
