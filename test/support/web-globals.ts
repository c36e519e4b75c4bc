/** What src/web/data needs of a browser when it is loaded, for tests that have none: import this first. */
const stored = new Map<string, string>();

Object.assign(globalThis, {
  location: { origin: "http://127.0.0.1:1" },
  sessionStorage: {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
  },
  requestAnimationFrame: (run: () => void) => setTimeout(run, 0),
  cancelAnimationFrame: clearTimeout,
});
