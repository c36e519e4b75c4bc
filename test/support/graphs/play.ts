import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, post, start } from "../petit/api.ts";
import { type Petit, startPetit } from "../petit/petit.ts";
import { type Random, randomOf } from "../torture/random.ts";
import { eventually } from "../torture/run.ts";
import { type Graph, jobFile, nodeName, planText, type Script } from "./graph.ts";
import { GraphModel, type NodeEnd, type Retry, type RunEnd, type TaskEnd } from "./graph-model.ts";
import { randomGraph, randomScripts } from "./random-graph.ts";

export type PlayOptions = {
  readonly seed: number;
  readonly graphs: number;
  /** How often each graph is retried, after its first run. */
  readonly retries: number;
  /** How often petit is killed while the runs of one round run. */
  readonly kills: number;
};

export type Played = {
  /** What petit did differently from the model. */
  readonly differences: readonly string[];
  readonly runs: number;
  readonly comparisons: number;
};

type Player = {
  readonly graph: Graph;
  readonly model: GraphModel;
  /** The newest run, and how it must end. */
  runId: string;
  expected: RunEnd;
  /** What was done so far, for messages. */
  readonly story: string[];
};

/** How long the runs of one round may take. */
const ROUND_MS = 300_000;

/** Plays random graphs with a real petit and with the model. Each round runs all of them at the same time, or retries them. */
export const playGraphs = async ({ seed, graphs, retries, kills }: PlayOptions): Promise<Played> => {
  const random = randomOf(seed);
  const dir = mkdtempSync(join(tmpdir(), "petit-test-"));
  const players = Array.from({ length: graphs }, (_, index) => makePlayer(random, `g${index}`, dir));
  const args = ["--queue", "graphs=8", "--on-shutdown", "leave"];
  const jobs = Object.fromEntries(players.map(({ graph }) => [`${graph.id}.yaml`, jobFile(graph, dir)]));
  let petit = await startPetit({ dir, jobs, args });
  const restart = async (): Promise<void> => {
    await petit.kill();
    petit = await startPetit({ dir, args });
  };
  const differences: string[] = [];
  let [runs, comparisons] = [0, 0];
  try {
    for (let round = 0; round <= retries && differences.length === 0; round++) {
      const playing: Player[] = [];
      for (const player of players) {
        const isPlaying =
          round === 0 ? await triggerIn(petit, player) : await retryIn(petit, player, random, differences);
        if (isPlaying) playing.push(player);
      }
      for (let kill = 0; kill < kills; kill++) {
        await Bun.sleep(random.between(20, 600));
        await restart();
      }
      runs += playing.length;
      for (const player of playing) {
        await ended(petit, player);
        const found = await compare(petit, player, dir);
        comparisons += found.comparisons;
        if (found.differences.length > 0) differences.push([...player.story, ...found.differences].join("\n"));
      }
    }
    return { differences, runs, comparisons };
  } finally {
    await petit.kill();
    if (differences.length === 0) rmSync(dir, { recursive: true, force: true });
    else console.log(`kept: ${dir}`);
  }
};

const makePlayer = (random: Random, id: string, dir: string): Player => {
  const graph = randomGraph(random, id);
  const scripts = randomScripts(random, graph);
  for (const folder of ["did", "plan"]) mkdirSync(join(dir, folder), { recursive: true });
  for (const [node, script] of scripts) writeFileSync(join(dir, "plan", `${id}.${node}`), planText(script));
  const model = new GraphModel(graph, scripts);
  return { graph, model, runId: "", expected: model.run(), story: [storyOf(graph, scripts)] };
};

const storyOf = (graph: Graph, scripts: ReadonlyMap<string, Script>): string => {
  const plans = [...scripts].map(([node, script]) => `${node}: ${script.map(({ exitCode }) => exitCode).join(" ")}`);
  return [JSON.stringify(graph, null, 1), ...plans].join("\n");
};

const triggerIn = async (petit: Petit, player: Player): Promise<boolean> => {
  player.runId = await start(petit, player.graph.id);
  player.story.push(`${player.graph.id}: run`);
  return true;
};

/** Retries the newest run. Returns false if that was refused. */
const retryIn = async (petit: Petit, player: Player, random: Random, differences: string[]): Promise<boolean> => {
  const { graph, model, story } = player;
  const task = random.pick(graph.tasks.map(({ id }) => [1, id] as const));
  const retry = random.pick<Retry>([
    [5, { kind: "rest" }],
    [4, { kind: "task", task }],
    [2, { kind: "from", task }],
    [1, { kind: "all" }],
  ]);
  story.push(`${graph.id}: retry ${retry.kind} ${"task" in retry ? retry.task : ""}`);
  const expected = model.retry(player.expected, retry);
  const path = `/api/runs/${player.runId}/retry${retry.kind === "all" ? "?from=start" : ""}`;
  const { status, body } = await post(petit, path, "task" in retry ? { [retry.kind]: retry.task } : undefined);
  if ((status === 409) !== (expected === null) || (status !== 409 && status !== 200))
    differences.push([...story, `the answer is ${status} ${JSON.stringify(body)}`].join("\n"));
  if (status !== 200 || expected === null) return false;
  player.runId = body.run_id;
  player.expected = expected;
  return true;
};

const ended = (petit: Petit, { runId, graph }: Player): Promise<true> =>
  eventually(
    `the end of run ${runId} of ${graph.id}`,
    async () => ((await ask(petit, `/api/runs/${runId}`)).body.ended_at === null ? null : true),
    ROUND_MS,
  );

type Compared = { readonly differences: readonly string[]; readonly comparisons: number };

const compare = async (petit: Petit, player: Player, dir: string): Promise<Compared> => {
  const { runId, expected, graph, model } = player;
  const differences: string[] = [];
  let comparisons = 0;
  const check = (what: string, actual: unknown, wanted: unknown): void => {
    comparisons++;
    const [is, should] = [JSON.stringify(actual), JSON.stringify(wanted)];
    if (is !== should) differences.push(`${what}: expected ${should}, but it is ${is}`);
  };
  const { body: run } = await ask(petit, `/api/runs/${runId}`);
  check("run", [run.status, run.warnings], [expected.status, expected.warnings]);
  const { body: listed } = await ask(petit, `/api/runs/${runId}/tasks`);
  for (const record of listed.tasks) {
    const end = expected.tasks.get(record.task_id);
    if (end === undefined) throw new Error(`${graph.id} has no task ${record.task_id}`);
    check(`task ${record.task_id}`, { ...shownNode(record), allowed: record.allowed }, shownTask(end));
    // A task whose completed items are kept counts as reused as well.
    const isPlain = graph.tasks.some(({ id, items }) => id === record.task_id && items === null);
    if (isPlain) check(`reuse of ${record.task_id}`, record.reused, expected.kept.has(record.task_id));
    check(`items of ${record.task_id}`, record.items?.total ?? null, end.items?.size ?? null);
    if (record.items === null) continue;
    const { body } = await ask(petit, `/api/runs/${runId}/tasks/${record.task_id}/items?limit=100`);
    for (const item of body.items)
      check(`item ${item.key} of ${record.task_id}`, shownNode(item), shownEnd(end.items?.get(item.key)));
  }
  for (const { id, items } of graph.tasks)
    for (const item of items === null ? [null] : ["a", "b", "c", "d"]) {
      const name = nodeName(graph, id, item);
      check(`executions of ${name}`, executionsIn(join(dir, "did", name)), model.executions.get(name) ?? 0);
    }
  return { differences, comparisons };
};

const executionsIn = (path: string): number => {
  try {
    return readFileSync(path, "utf8").split("\n").length - 1;
  } catch {
    return 0;
  }
};

/** A record of the API, with what the model knows. The attempts of a task with items are those of its items. */
// biome-ignore lint/suspicious/noExplicitAny: tests check the bodies of responses.
const shownNode = ({ status, reason, exit_code, outputs, attempts, items }: any) => ({
  status,
  reason,
  exit_code: items === undefined || items === null ? exit_code : null,
  outputs: [outputs.n ?? null, outputs.list ?? null],
  attempts: items === undefined || items === null ? attempts : null,
});

const shownEnd = (end: NodeEnd | undefined) =>
  end === undefined
    ? null
    : {
        status: end.status,
        reason: end.reason,
        exit_code: end.exitCode,
        outputs: [end.outputs.n ?? null, end.outputs.list ?? null],
        attempts: end.attempts,
      };

const shownTask = (end: TaskEnd) => ({
  ...shownEnd(end),
  ...(end.items !== null && { exit_code: null, attempts: null }),
  allowed: end.allowed,
});
