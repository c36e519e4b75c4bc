import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  findCycle,
  type GraphNodeState,
  judge,
  TASK_CONDITIONS,
  type TaskCondition,
  topological,
  upstreamsOf,
} from "../../src/domain/graph.ts";
import { parseTaskId, type TaskId } from "../../src/domain/ids.ts";

const id = (text: string): TaskId => parseTaskId(text) as TaskId;

const STATES = {
  pending: { status: "pending", reason: null },
  running: { status: "running", reason: null },
  completed: { status: "completed", reason: null },
  failed: { status: "failed", reason: "exit_code" },
  skippedByFailure: { status: "skipped", reason: "upstream_failed" },
  skippedByCondition: { status: "skipped", reason: "condition_not_met" },
} as const satisfies Record<string, GraphNodeState>;
type StateName = keyof typeof STATES;

const verdict = (condition: TaskCondition, ...upstreams: readonly StateName[]): string => {
  const node = { id: id("task"), dependsOn: upstreams.map((_, index) => id(`up${index}`)), condition };
  const answer = judge(
    node,
    upstreams.map((name) => STATES[name]),
  );
  return answer.kind === "skip" ? answer.reason : answer.kind;
};

describe("a task with all_success", () => {
  test.each([
    [[], "start"],
    [["completed", "completed"], "start"],
    [["completed", "running"], "wait"],
    [["completed", "pending"], "wait"],
    [["failed", "running"], "upstream_failed"],
    [["skippedByFailure", "completed"], "upstream_failed"],
    [["skippedByCondition", "completed"], "condition_not_met"],
    [["skippedByCondition", "failed"], "upstream_failed"],
    [["skippedByCondition", "running"], "wait"],
    [["skippedByCondition", "pending"], "wait"],
  ] as const)("after %p: %p", (upstreams, expected) => {
    expect(verdict("all_success", ...upstreams)).toBe(expected);
  });
});

describe("a task with on_failure", () => {
  test.each([
    [[], "condition_not_met"],
    [["failed"], "start"],
    [["skippedByFailure"], "start"],
    [["completed"], "condition_not_met"],
    [["skippedByCondition"], "condition_not_met"],
    [["failed", "running"], "wait"],
    [["failed", "completed"], "start"],
  ] as const)("after %p: %p", (upstreams, expected) => {
    expect(verdict("on_failure", ...upstreams)).toBe(expected);
  });
});

describe("a task with all_done", () => {
  test.each([
    [[], "start"],
    [["failed", "completed", "skippedByFailure", "skippedByCondition"], "start"],
    [["failed", "running"], "wait"],
    [["pending"], "wait"],
  ] as const)("after %p: %p", (upstreams, expected) => {
    expect(verdict("all_done", ...upstreams)).toBe(expected);
  });
});

describe("judge", () => {
  test("never waits after every upstream has ended", () => {
    const done = fc.constantFrom<StateName>("completed", "failed", "skippedByFailure", "skippedByCondition");
    fc.assert(
      fc.property(fc.constantFrom(...TASK_CONDITIONS), fc.array(done, { maxLength: 5 }), (condition, upstreams) => {
        expect(verdict(condition, ...upstreams)).not.toBe("wait");
      }),
    );
  });

  test("decides the same, in whatever order the upstream tasks end", () => {
    const done = fc.constantFrom<StateName>("completed", "failed", "skippedByFailure", "skippedByCondition");
    const ends = fc.array(done, { minLength: 1, maxLength: 5 }).chain((upstreams) =>
      fc.record({
        upstreams: fc.constant(upstreams),
        order: fc.shuffledSubarray(
          upstreams.map((_, index) => index),
          { minLength: upstreams.length },
        ),
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...TASK_CONDITIONS), ends, (condition, { upstreams, order }) => {
        const inOrder = order.map((_, count) => {
          const ended = new Set(order.slice(0, count + 1));
          return verdict(condition, ...upstreams.map((name, index) => (ended.has(index) ? name : "running")));
        });
        expect(inOrder.find((each) => each !== "wait")).toBe(verdict(condition, ...upstreams));
      }),
    );
  });

  test("throws for an unknown condition", () => {
    expect(() => verdict("sometimes" as TaskCondition)).toThrow("unexpected value");
  });
});

const edges = (graph: Readonly<Record<string, readonly string[]>>): ReadonlyMap<string, readonly string[]> =>
  new Map(Object.entries(graph));

describe("findCycle", () => {
  test.each([
    [{}, null],
    [{ a: [], b: ["a"], c: ["a", "b"] }, null],
    [{ a: ["a"] }, ["a", "a"]],
    [{ a: ["b"], b: ["c"], c: ["b"] }, ["b", "c", "b"]],
    [{ a: ["nowhere"] }, null],
  ] as const)("of %p is %p", (graph, expected) => {
    expect(findCycle(edges(graph))).toEqual(expected as string[] | null);
  });

  test("handles a long chain", () => {
    const chain = Array.from({ length: 100_000 }, (_, index): [string, string[]] => [`${index}`, [`${index + 1}`]]);
    expect(findCycle(new Map(chain))).toBeNull();
    expect(findCycle(new Map([...chain, ["100000", ["0"]]]))).toHaveLength(100_002);
  });

  test("returns a cycle in which every step is an edge", () => {
    const graphs = fc.array(fc.array(fc.nat({ max: 7 }), { maxLength: 3 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(graphs, (targets) => {
        const graph = new Map(targets.map((row, index) => [`${index}`, row.map(String)]));
        const ring = findCycle(graph) ?? [];
        for (let step = 1; step < ring.length; step++) {
          expect(graph.get(ring[step - 1] ?? "")).toContain(ring[step]);
        }
        expect(ring[0]).toBe(ring.at(-1));
      }),
    );
  });
});

describe("upstreamsOf", () => {
  const graph = edges({ a: [], b: ["a"], c: ["b"], d: ["c", "a"], lone: [] });

  test("includes direct and indirect upstreams", () => {
    expect([...upstreamsOf(graph, "d")].sort()).toEqual(["a", "b", "c"]);
    expect([...upstreamsOf(graph, "a")]).toEqual([]);
    expect([...upstreamsOf(graph, "unknown")]).toEqual([]);
  });

  test("terminates for a cycle", () => {
    expect([...upstreamsOf(edges({ a: ["b"], b: ["a"] }), "a")].sort()).toEqual(["a", "b"]);
  });
});

describe("topological", () => {
  const names = (nodes: readonly { readonly id: TaskId }[]): string => nodes.map((node) => node.id).join(" ");
  const node = (name: string, ...dependsOn: string[]) => ({ id: id(name), dependsOn: dependsOn.map(id) });

  test("puts each node after its upstreams and otherwise keeps the order", () => {
    expect(names(topological([node("d", "b"), node("b", "a"), node("a"), node("c")]))).toBe("a b d c");
  });

  test("handles a long chain", () => {
    const chain = Array.from({ length: 20_000 }, (_, index) =>
      index === 0 ? node("t0") : node(`t${index}`, `t${index - 1}`),
    );
    expect(names(topological(chain.toReversed()))).toBe(names(chain));
  });
});
