import { parseArgs } from "node:util";
import { formatRoundedSize } from "../../../src/lib/size.ts";
import { drillRestore } from "./restore.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    after: { type: "string", default: "500" },
    megabytes: { type: "string", default: "0" },
  },
});

const report = await drillRestore({
  runs: Number(values.runs),
  after: Number(values.after),
  megabytes: Number(values.megabytes),
  say: (text) => process.stderr.write(`${text}\n`),
});
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const lines: readonly (readonly [string, string])[] = [
  ["runs before the backup", `${report.before}, each with an artifact`],
  [
    "backup",
    `${seconds(report.backupMs)}, ${formatRoundedSize(report.bytes)}, ${report.linked} artifacts linked, ${report.copied} copied`,
  ],
  ["runs after the backup began, which are lost", `${report.lost}`],
  ["restore", seconds(report.restoreMs)],
  ["runs there after the restore", `${report.there}`],
  ["artifacts there, compared with their digests", `${report.artifacts}`],
  ["occurrences that fired", `${report.fired}, of which ${report.twice} twice`],
  ["occurrences that are missed: restored", `${report.missed}`],
  ...report.latencies.map(({ what, count, p50, p99, max }): readonly [string, string] => [
    `triggers ${what}`,
    `${count}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, at most ${max.toFixed(1)} ms`,
  ]),
];
const width = Math.max(...lines.map(([what]) => what.length));
for (const [what, text] of lines) process.stdout.write(`${what.padEnd(width)}  ${text}\n`);
for (const violation of report.violations) process.stdout.write(`VIOLATION: ${violation}\n`);
process.exit(report.violations.length === 0 ? 0 : 1);
