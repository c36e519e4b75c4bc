import { describe, expect, test } from "bun:test";
import { isFinal, RUN_STATUSES } from "../../src/domain/run.ts";

describe("a run's status", () => {
  test("is final after the run has ended", () => {
    expect(RUN_STATUSES.filter(isFinal)).toEqual(["completed", "failed", "cancelled", "interrupted"]);
  });
});
