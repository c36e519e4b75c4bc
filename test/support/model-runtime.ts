import { writeSync } from "node:fs";
import { bunRuntime } from "../../src/runtime/bun.ts";
import type { Runtime, SpawnOptions } from "../../src/runtime/runtime.ts";

/** A runtime whose processes are none: each has ended with 0 as soon as it was made, its status recorded. */
export const instantRuntime = (): Runtime => ({
  ...bunRuntime(),
  spawn: ({ status }: SpawnOptions) => {
    writeSync(status, `${NOBODY}\n0\n`);
    return { pid: NOBODY, exited: Promise.resolve({ exitCode: 0, signal: null }) };
  },
});

/** No system has so many processes. */
const NOBODY = 2 ** 30;
