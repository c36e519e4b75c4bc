// Sends COUNT POST requests every INTERVAL_MS, without waiting for responses: pace-client.ts PORT INTERVAL_MS COUNT SECONDS PATH
// Prints {sent, failures, durationMs} as JSON after the last response.
const [port = 0, intervalMs = 10, count = 1, seconds = 1] = process.argv.slice(2, 6).map(Number);
const url = `http://127.0.0.1:${port}${process.argv[6]}`;

const startedAt = performance.now();
const open = new Set<Promise<void>>();
let [sent, failures] = [0, 0];

const send = (): void => {
  sent++;
  const request = fetch(url, { method: "POST" })
    .then(async (response) => {
      if (!response.ok) failures++;
      await response.bytes();
    })
    .finally(() => open.delete(request));
  open.add(request);
};

// The clock decides how many are due, so that late timers do not lower the rate.
for (let due = 0; due < (seconds * 1000) / intervalMs; ) {
  for (; due <= (performance.now() - startedAt) / intervalMs; due++) for (let each = 0; each < count; each++) send();
  await Bun.sleep(1);
}
await Promise.all(open);
console.log(JSON.stringify({ sent, failures, durationMs: performance.now() - startedAt }));

export {};
