// Does the same as raw-spawn.c with Bun.spawn: raw-spawn-here.ts N K PROGRAM
const [count = 0, concurrency = 1] = process.argv.slice(2, 4).map(Number);
const program = process.argv[4] ?? "";
let remaining = count;

const spawnInTurn = async (): Promise<void> => {
  while (remaining-- > 0) await Bun.spawn([program], { stdio: ["ignore", "ignore", "ignore"] }).exited;
};

const startedAt = performance.now();
await Promise.all(Array.from({ length: concurrency }, spawnInTurn));
console.log((count / (performance.now() - startedAt)) * 1000);

export {};
