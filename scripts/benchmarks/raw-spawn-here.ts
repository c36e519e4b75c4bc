// As raw-spawn.c, by the spawn of the runtime that petit is built on: N K PROGRAM.
const [count = 0, together = 1] = process.argv.slice(2, 4).map(Number);
const program = process.argv[4] ?? "";
let left = count;

const makeInTurn = async (): Promise<void> => {
  while (left-- > 0) await Bun.spawn([program], { stdio: ["ignore", "ignore", "ignore"] }).exited;
};

const startedAt = performance.now();
await Promise.all(Array.from({ length: together }, makeInTurn));
console.log((count / (performance.now() - startedAt)) * 1000);

export {};
