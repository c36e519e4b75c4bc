import { expect, test } from "bun:test";
import { assertRunsJobsHere } from "../../src/app/open-database.ts";

test("jobs run on Linux and macOS", () => {
  assertRunsJobsHere();
  assertRunsJobsHere("darwin");
});

test("on Windows petit explains what it can do instead", () => {
  const refusal = { code: "invalid_request", message: expect.stringContaining("run petit in WSL") };
  expect(() => assertRunsJobsHere("win32")).toThrow(expect.objectContaining(refusal));
});
