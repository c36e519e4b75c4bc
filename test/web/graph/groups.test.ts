import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { GraphTask, NodeProgress } from "../../../src/web/graph/graph-task.ts";
import { groupStatus, nodesOf, parallelGroups, statusCounts } from "../../../src/web/graph/groups.ts";
import { ranksOf } from "../../../src/web/graph/layout/ranks.ts";

const task = (id: string, dependsOn: readonly string[] = [], rest: Partial<GraphTask> = {}): GraphTask => ({
  id,
  name: id,
  type: "shell",
  dependsOn,
  condition: "all_success",
  runsOn: null,
  progress: null,
  ...rest,
});

const withStatus = (id: string, status: NodeProgress["status"]): GraphTask =>
  task(id, [], {
    progress: {
      status,
      attempts: 1,
      startedAt: null,
      durationMs: null,
      retryAt: null,
      isReused: false,
      worker: null,
      waitsFor: null,
      items: null,
    },
  });

const count = (length: number) => Array.from({ length }, (_, index) => index);

/** `start`, then parallel chains of two tasks, then `end`. */
const chains = (width: number): readonly GraphTask[] => [
  task("start"),
  ...count(width).map((index) => task(`src_${index}`, ["start"])),
  ...count(width).map((index) => task(`stg_${index}`, [`src_${index}`])),
  task(
    "end",
    count(width).map((index) => `stg_${index}`),
  ),
];

const idsOf = (groups: readonly (readonly GraphTask[])[]) => groups.map((group) => group.map(({ id }) => id));

describe("groups of parallel tasks", () => {
  test("contain the corresponding tasks of parallel chains", () => {
    expect(idsOf(parallelGroups(chains(6)))).toEqual([
      count(6).map((index) => `src_${index}`),
      count(6).map((index) => `stg_${index}`),
    ]);
  });

  test("need at least five tasks", () => {
    expect(parallelGroups(chains(4))).toEqual([]);
  });

  test("contain tasks that share the first part of their names, whatever they depend on", () => {
    const loads = ["orders", "users", "prices", "stock", "shops"].map((name) => task(`load_${name}`, [`get_${name}`]));
    const gets = loads.map(({ dependsOn: [id = ""] }) => task(id));
    const others = [task("check", ["get_users"]), task("send", ["load_users", "load_shops"])];
    expect(idsOf(parallelGroups([...gets, ...loads, ...others]))).toEqual(idsOf([gets, loads]));
  });

  test("contain tasks with the same dependencies and dependents, whatever their names", () => {
    const ids = ["alpha", "beta", "gamma", "delta", "epsilon"];
    const middle = ids.map((id) => task(id, ["start"]));
    expect(idsOf(parallelGroups([task("start"), ...middle, task("end", ids)]))).toEqual([ids]);
    expect(parallelGroups([task("start"), ...middle, task("end", ids.slice(1))])).toEqual([]);
  });

  test("leave out a task with another condition", () => {
    const tasks = chains(6).map((each) => (each.id === "src_2" ? { ...each, condition: "all_done" as const } : each));
    expect(idsOf(parallelGroups(tasks))[0]).not.toContain("src_2");
  });

  test("never contain tasks of a chain", () => {
    const chain = count(50).map((index) => task(`step_${index}`, index === 0 ? [] : [`step_${index - 1}`]));
    expect(parallelGroups(chain)).toEqual([]);
  });

  test("become one node each, with edges between groups", () => {
    const tasks = chains(6);
    const nodes = nodesOf(tasks, parallelGroups(tasks));
    expect(nodes.map(({ id, dependsOn }) => [id, dependsOn])).toEqual([
      ["start", []],
      ["src_0", ["start"]],
      ["stg_0", ["src_0"]],
      ["end", ["stg_0"]],
    ]);
    expect(nodesOf(tasks, [])).toHaveLength(tasks.length);
  });

  test("never make a cycle", () => {
    const graphs = fc.array(fc.uniqueArray(fc.nat({ max: 40 }), { maxLength: 2 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(graphs, (lists) => {
        const tasks = lists.map((upstreams, index) =>
          task(
            `t${index}`,
            upstreams.filter((each) => each < index).map((each) => `t${each}`),
          ),
        );
        const nodes = nodesOf(tasks, parallelGroups(tasks));
        const ranks = ranksOf(nodes);
        for (const { id, dependsOn } of nodes) {
          for (const upstream of dependsOn) expect(ranks.get(upstream) ?? 0).toBeLessThan(ranks.get(id) ?? 0);
        }
      }),
    );
  });

  test.each([
    ["failed", ["completed", "failed", "running"]],
    ["running", ["completed", "running", "pending"]],
    ["running", ["completed", "pending"]],
    ["pending", ["pending", "pending"]],
    ["completed", ["completed", "skipped"]],
    ["cancelled", ["completed", "cancelled", "skipped"]],
  ] as const)("are %s if their tasks are %p", (expected, statuses) => {
    const tasks = statuses.map((status, index) => withStatus(`t${index}`, status));
    expect(groupStatus(statusCounts(tasks))).toBe(expected);
  });

  test("have no status in a definition", () => {
    expect(groupStatus(statusCounts([task("a"), task("b")]))).toBeNull();
  });
});
