// Sends POSTs at a pace, whatever becomes of those before: PORT EVERY_MS COUNT SECONDS PATH. Each time so many at once, each
// over a connection that is free. Prints {sent, failures, lastedMs} as JSON when all are answered.
const [port = 0, everyMs = 10, count = 1, seconds = 1] = process.argv.slice(2, 6).map(Number);
const url = `http://127.0.0.1:${port}${process.argv[6]}`;

const startedAt = performance.now();
const open = new Set<Promise<void>>();
let [sent, failures] = [0, 0];

const send = (): void => {
  sent++;
  const asked = fetch(url, { method: "POST" })
    .then(async (response) => {
      if (!response.ok) failures++;
      await response.bytes();
    })
    .finally(() => open.delete(asked));
  open.add(asked);
};

// By the clock: a timer that comes late is made up for.
for (let due = 0; due < (seconds * 1000) / everyMs; ) {
  for (; due <= (performance.now() - startedAt) / everyMs; due++) for (let each = 0; each < count; each++) send();
  await Bun.sleep(1);
}
await Promise.all(open);
console.log(JSON.stringify({ sent, failures, lastedMs: performance.now() - startedAt }));

export {};
