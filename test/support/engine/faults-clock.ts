import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LIBRARY = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
].find((path) => existsSync(path));

/** True if the clock of a process can be set. scripts/setup-tests installs libfaketime. */
export const canStepClock = LIBRARY !== undefined;

/** A wall clock for the processes that have its environment. Their monotonic clock is not affected. */
export type SteppedClock = {
  readonly environment: Readonly<Record<string, string>>;
  /** Sets its offset from the machine's clock. */
  set(offsetMs: number): void;
};

/** Creates a clock whose state is a file in `dir`, which the processes read whenever they read the time. */
export const steppedClock = (dir: string): SteppedClock => {
  const file = join(dir, "clock");
  const set = (offsetMs: number): void => {
    // Atomic, because a partial number would be another time.
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
