import { expect, test } from "bun:test";
import { openTerminal, writeWithBackpressure } from "../../../src/cli/terminal/terminal.ts";

test("writeWithBackpressure waits until the reader has room", async () => {
  const waiting: (() => void)[] = [];
  const stdout = {
    write: (_data: string | Uint8Array, done?: () => void): boolean => {
      if (done !== undefined) waiting.push(done);
      return false;
    },
  };
  const { out } = openTerminal({ stdout, stderr: stdout, environment: {} }, { color: false });
  let isWritten = false;
  const written = writeWithBackpressure(out, new Uint8Array(1)).then(() => {
    isWritten = true;
  });
  await Promise.resolve();
  expect([waiting.length, isWritten]).toEqual([1, false]);
  waiting[0]?.();
  await written;
});
