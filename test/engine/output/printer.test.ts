import { describe, expect, test } from "bun:test";
import { startChild } from "../../support/child.ts";
import { job, shell } from "../../support/engine/factories.ts";
import { startEngine } from "../../support/engine/started-engine.ts";

/** The disk space beyond the limit that docs/job-files.md states, for each attempt. */
const SLACK_BYTES = 128 * 2 ** 20;

const LIMIT_BYTES = 2 ** 20;

const PRINTERS = ["a", "b", "c"];

/** A process that lists a spool folder over and over: the most bytes on disk of one file, and for whom processes were held. */
const watcherOf = (folder: string) => {
  const watcher = startChild(["/bin/sh", "-c", `while :; do ls -s --block-size=1 ${folder}; sleep 0.005; done 2>&1`]);
  const text = watcher.text();
  return {
    stop: async () => {
      watcher.kill();
      const listed = await text;
      const sizes = listed.match(/^ *\d+(?= \d+\.std)/gm) ?? [];
      const held = listed.match(/\d+\.held$/gm) ?? [];
      return { peak: Math.max(...sizes.map(Number)), held: new Set(held) };
    },
  };
};

/** The file may hold more if petit has to wait for the CPU just as a task begins to print, so the test tries several times. */
const TRIES = 12;

/** Runs tasks that print without end until their timeouts. Returns the most bytes on disk of one of their files. */
const peakOfPrinters = async (): Promise<number> => {
  const line = "a line of output that is about as long as most of them are";
  const script = `trap 'wait; echo last; exit 1' TERM; yes "${line}" & wait`;
  const tasks = PRINTERS.map((id) => shell(id, script, { timeoutMs: 3_000 }));
  const loops = ["p", "q", "r", "s"].map((id) => shell(id, "while :; do :; done", { timeoutMs: 3_000 }));
  await using petit = await startEngine({
    jobs: [job("print", { tasks: [...tasks, ...loops] })],
    settings: { logLimitBytes: LIMIT_BYTES, killGraceMs: 5_000 },
  });
  const { id } = await petit.trigger("print");
  const watcher = watcherOf(`${petit.dir}/spool`);
  const { attempts, output } = await petit.ended(id);
  const { peak, held } = await watcher.stop();
  expect(held.size).toBe(PRINTERS.length);
  expect(new Set(attempts.map(({ reason }) => reason))).toEqual(new Set(["timeout"]));
  for (const task of PRINTERS) {
    expect(output({ task })).toEndWith("last\n");
    expect(output({ task })).toContain("bytes dropped here");
  }
  expect(petit.spooled).toEqual([]);
  return peak;
};

describe("tasks that print without end", () => {
  test("are suspended: their spool stays within its limit, their timeout ends them, and their last output is stored", async () => {
    let peak = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < TRIES && peak >= LIMIT_BYTES + SLACK_BYTES; tries++) peak = await peakOfPrinters();
    expect(peak).toBeLessThan(LIMIT_BYTES + SLACK_BYTES);
  }, 240_000);
});
