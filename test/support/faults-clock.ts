import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LIBRARY = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
].find((path) => existsSync(path));

/** Whether the clock of a process can be set here: `scripts/setup-tests` brings what that needs. */
export const canStepClock = LIBRARY !== undefined;

/** A wall clock for the processes that are given its environment; their monotonic one goes on as ever. */
export type SteppedClock = {
  readonly environment: Readonly<Record<string, string>>;
  /** What it differs from the machine's from now on. */
  set(offsetMs: number): void;
};

/** Its state is a file of `dir`, which a process reads each time that it asks for the time. */
export const steppedClock = (dir: string): SteppedClock => {
  const file = join(dir, "clock");
  const set = (offsetMs: number): void => {
    // In one step: half a number is another time.
    writeFileSync(`${file}.new`, `${offsetMs < 0 ? "" : "+"}${offsetMs / 1000}\n`);
    renameSync(`${file}.new`, file);
  };
  set(0);
  return { environment: { ...preload(), FAKETIME_TIMESTAMP_FILE: file }, set };
};

const preload = (): Record<string, string> => ({
  ...(LIBRARY === undefined ? {} : { LD_PRELOAD: LIBRARY }),
  FAKETIME_NO_CACHE: "1",
  FAKETIME_DISABLE_SHM: "1",
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
});
