import type { Random } from "../torture/random.ts";
import { allUpstreams, type Condition, type Graph, type GraphItems, type GraphTask, type Script } from "./graph.ts";

const KEYS = ["a", "b", "c", "d"] as const;

const any = <T>(random: Random, choices: readonly T[]): T => random.pick(choices.map((choice) => [1, choice] as const));

const isLikely = (random: Random, probability: number): boolean => random.next() < probability;

/** Returns a random graph of 2 to 9 tasks. */
export const randomGraph = (random: Random, id: string): Graph => {
  const count = random.between(2, 9);
  const level = any(random, ["fast", "full"]);
  let graph: Graph = { id, level, tasks: [], order: [] };
  for (let index = 0; index < count; index++) {
    const task = randomTask(random, graph);
    const order = [...graph.order];
    order.splice(random.between(0, order.length), 0, index);
    graph = { ...graph, tasks: [...graph.tasks, task], order };
  }
  return graph;
};

const randomTask = (random: Random, graph: Graph): GraphTask => {
  const id = `t${graph.tasks.length}`;
  const before = graph.tasks.map((task) => task.id);
  const wanted = Math.min(
    before.length,
    random.pick([[1, 0] as const, [5, 1] as const, [4, 2] as const, [1, 3] as const]),
  );
  const after = new Set<string>();
  // Prefers the newest tasks, so that chains become long.
  while (after.size < wanted)
    after.add(
      before[
        isLikely(random, 0.5) ? Math.max(0, before.length - random.between(1, 3)) : random.between(0, before.length - 1)
      ] ?? "t0",
    );
  const upstreams = [...after].flatMap((each) => [each, ...allUpstreams(graph, each)]);
  const items = isLikely(random, 0.25) ? randomItems(random, graph, upstreams) : null;
  const retry =
    items?.failFast !== true && isLikely(random, 0.3)
      ? { max: random.between(1, 2), transientOnly: isLikely(random, 0.3) }
      : null;
  return {
    id,
    after: [...after],
    condition: random.pick([[6, "all_success"] as const, [2, "on_failure"] as const, [3, "all_done"] as const]),
    if: items?.skips == null && isLikely(random, 0.3) ? randomCondition(random, graph, upstreams, 2) : null,
    items,
    allowed: random.pick<GraphTask["allowed"]>([
      [6, null],
      [2, "always"],
      [2, [3]],
      [1, [3, 143]],
    ]),
    skipCodes: random.pick<GraphTask["skipCodes"]>([
      [6, []],
      [1, [99]],
      [1, [99, 143]],
    ]),
    retry,
    list: any(random, ['["a","b"]', '["b","c","d"]', '["a"]', "[]", "oops", '["a","a"]']),
  };
};

const randomItems = (random: Random, graph: Graph, upstreams: readonly string[]): GraphItems => {
  const sources = upstreams.filter((id) => graph.tasks.find((task) => task.id === id)?.items === null);
  const failFast = isLikely(random, 0.3);
  return {
    source:
      sources.length > 0 && isLikely(random, 0.5)
        ? { task: any(random, sources) }
        : KEYS.slice(random.between(0, 1), random.between(2, 4)),
    // Which items run beside one that fails is not defined.
    maxParallel: failFast ? 1 : any(random, [null, 1, 2]),
    failFast,
    maxFailures: any(random, [0, 0, 1, "50%"]),
    skips: isLikely(random, 0.25) ? any(random, KEYS) : null,
  };
};

const randomCondition = (random: Random, graph: Graph, upstreams: readonly string[], depth: number): Condition => {
  const plain = upstreams.filter((id) => graph.tasks.find((task) => task.id === id)?.items === null);
  const inner = (): Condition => randomCondition(random, graph, upstreams, depth - 1);
  return random.pick<() => Condition>([
    [1, () => ({ kind: "level", is: any(random, ["fast", "full"]) })],
    [
      upstreams.length > 0 ? 4 : 0,
      () => ({ kind: "status", task: any(random, upstreams), is: any(random, ["completed", "failed", "skipped"]) }),
    ],
    [plain.length > 0 ? 2 : 0, () => ({ kind: "output", task: any(random, plain), is: any(random, ["1", "2"]) })],
    [upstreams.length > 0 ? 2 : 0, () => ({ kind: "some", is: any(random, ["failed", "skipped", "running"]) })],
    [depth > 0 ? 2 : 0, () => ({ kind: "not", of: inner() })],
    [depth > 0 ? 1 : 0, () => ({ kind: any(random, ["and", "or"]), of: [inner(), inner()] })],
  ])();
};

/** Returns how the executions of each task and item of a graph end. */
export const randomScripts = (random: Random, graph: Graph): ReadonlyMap<string, Script> => {
  const scripts = new Map<string, Script>();
  for (const { id, items } of graph.tasks)
    for (const item of items === null ? [null] : KEYS) scripts.set(`${id}.${item ?? ""}`, randomScript(random));
  return scripts;
};

const randomScript = (random: Random): Script =>
  Array.from({ length: random.between(1, 8) }, () => ({
    exitCode: random.pick([
      [10, 0],
      [3, 1],
      [3, 3],
      [1, 75],
      [1, 99],
      [1, 143],
    ]),
    pauseMs: random.pick([
      [6, 0],
      [3, random.between(5, 60)],
      [1, random.between(60, 250)],
    ]),
  }));
