import { describe, expect, test } from "bun:test";
import { failurePath, runPath } from "../../../src/domain/words/run-path.ts";

const RUN = "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60";

test.each([
  [{}, `/runs/${RUN}`],
  [{ taskId: "load" }, `/runs/${RUN}?task=load`],
  [{ taskId: "load", item: 0, seq: 7 }, `/runs/${RUN}?task=load&item=0#L7`],
  [{ seq: 123 }, `/runs/${RUN}#L123`],
  [{ item: 3 }, `/runs/${RUN}`],
] as const)("the path of a run at %j", (place, expected) => {
  expect(runPath(RUN, place)).toBe(expected);
});

describe("the path of a failure", () => {
  const line = (seq: number) => ({ seq, text: "no space left on device" });

  test("leads to the line that explains it", () => {
    const failure = { task_id: "load", item: 2, cause: line(41), last_line: line(97) };
    expect(failurePath(RUN, failure)).toBe(`/runs/${RUN}?task=load&item=2#L41`);
  });

  test("leads to the last line if none explains it", () => {
    const failure = { task_id: "load", item: null, cause: null, last_line: line(97) };
    expect(failurePath(RUN, failure)).toBe(`/runs/${RUN}?task=load#L97`);
  });

  test("leads to the task if a child run wrote the line", () => {
    const cause = { ...line(41), child: { run_id: RUN } };
    expect(failurePath(RUN, { task_id: "load", item: 3, cause })).toBe(`/runs/${RUN}?task=load&item=3`);
  });

  test("leads to the task without output, and to the run without a task or of an older petit", () => {
    expect(failurePath(RUN, { task_id: "load" })).toBe(`/runs/${RUN}?task=load`);
    expect(failurePath(RUN, { task_id: null })).toBe(`/runs/${RUN}`);
    expect(failurePath(RUN, null)).toBe(`/runs/${RUN}`);
    expect(failurePath(RUN, { task_id: "load", cause: {} })).toBe(`/runs/${RUN}?task=load`);
  });
});
