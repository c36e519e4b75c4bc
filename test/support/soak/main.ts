import { parseArgs } from "node:util";
import { soak } from "./soak.ts";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "60" } } });
const { samples, counts, violations } = await soak({
  minutes: Number(values.minutes),
  say: (text) => process.stderr.write(`${text}\n`),
});
for (const [what, count] of Object.entries(counts)) process.stdout.write(`${what.padEnd(18)}${count}\n`);
const quarter = Math.floor(samples.length / 4);
const describe = (what: "memoryMb" | "descriptors" | "spoolFiles" | "databaseMb"): void => {
  const medianOf = (from: number, to: number): number =>
    samples
      .slice(from, to)
      .map((each) => each[what])
      .sort((a, b) => a - b)[Math.floor((to - from) / 2)] ?? 0;
  const [second, last] = [medianOf(quarter, 2 * quarter), medianOf(3 * quarter, samples.length)];
  process.stdout.write(`${what.padEnd(18)}${second} in the second quarter, ${last} in the last one (medians)\n`);
};
for (const what of ["memoryMb", "descriptors", "spoolFiles", "databaseMb"] as const) describe(what);
for (const violation of violations) process.stdout.write(`VIOLATION: ${violation}\n`);
if (violations.length === 0) process.stdout.write("no violations\n");
process.exit(violations.length === 0 ? 0 : 1);
