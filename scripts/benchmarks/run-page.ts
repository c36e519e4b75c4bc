import { join } from "node:path";
import { openWeb } from "../../test/support/web/web.ts";
import { type PetitProcess, startPetit } from "./petit-process.ts";
import { figure } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, writeJobs } from "./workspace.ts";

const ITEMS = 1_000;
const TASKS = 120;
const RANKS = 12;
const PER_RANK = TASKS / RANKS;

const ITEMS_JOB = `id: items
tasks:
  - {id: each, type: command, command: /bin/true, foreach: {range: [1, ${ITEMS}]}}
`;

/** A graph in ranks. Each task depends on three tasks of the rank before it. */
const GRAPH_JOB = `id: graph
tasks:
${Array.from({ length: TASKS }, (_, index) => {
  const rank = Math.floor(index / PER_RANK);
  const before = [0, 1, 3].map((step) => `t${(rank - 1) * PER_RANK + ((index + step) % PER_RANK)}`);
  return `  - {id: t${index}, type: command, command: sleep, args: ["0.2"], depends_on: [${rank === 0 ? "" : before}]}`;
}).join("\n")}
`;

/** Measures the frames of the page of a run: while 1,000 items scroll, and while a run of 120 tasks goes on. */
export const measureRunPage = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("run-page");
  const jobsDir = writeJobs(dir, 2, (_, index) => [ITEMS_JOB, GRAPH_JOB][index] ?? "");
  await using petit = await startPetit({ jobsDir, db: join(dir, "petit.db"), args: ["--max-tasks", "4"] });
  return [await scrolledItems(petit), await runningGraph(petit)];
};

const urlOf = ({ port }: PetitProcess): string => `http://127.0.0.1:${port}`;

const trigger = async (petit: PetitProcess, job: string, waitSeconds: number): Promise<string> => {
  const response = await fetch(
    `${urlOf(petit)}/api/jobs/${job}/trigger${waitSeconds === 0 ? "" : `?wait=${waitSeconds}`}`,
    { method: "POST" },
  );
  const { run_id } = (await response.json()) as { readonly run_id: string };
  return run_id;
};

const scrolledItems = async (petit: PetitProcess): Promise<Row> => {
  const runId = await trigger(petit, "items", 120);
  await using web = await openWeb({ url: urlOf(petit) });
  await web.open(`/runs/${runId}?tab=items`);
  await web.page.locator("[data-item='0']").waitFor();
  // The first pass loads the pages of the items.
  await web.page.evaluate(SCROLL);
  return frameRow(`a run with ${ITEMS} items, scrolling: longest frame`, await web.page.evaluate(SCROLL));
};

const runningGraph = async (petit: PetitProcess): Promise<Row> => {
  await using web = await openWeb({ url: urlOf(petit) });
  const runId = await trigger(petit, "graph", 0);
  await web.open(`/runs/${runId}`);
  // Parallel tasks may be shown as one group.
  await web.page.locator(".react-flow__node").first().waitFor();
  return frameRow(`a run of ${TASKS} tasks that goes on: longest frame`, await web.page.evaluate(WATCH));
};

type Frames = { readonly longestMs: number; readonly typicalMs: number };

const frameRow = (what: string, frames: unknown): Row => {
  const { longestMs, typicalMs } = frames as Frames;
  return {
    what,
    petit: `${figure(longestMs)} ms`,
    baseline: `${figure(typicalMs)} ms for 19 of 20 frames`,
    value: longestMs,
    target: { bound: "under", value: 50, unit: " ms" },
  };
};

/** Measures the frames of three seconds. `step` is called in each. */
const frames = (step: string): string => `new Promise((resolve) => {
  const list = document.querySelector(".items-scroll");
  const times = [];
  const startedAt = performance.now();
  let last = startedAt;
  const frame = (now) => {
    times.push(now - last);
    last = now;
    ${step}
    if (now - startedAt < 3_000) return requestAnimationFrame(frame);
    times.sort((a, b) => a - b);
    resolve({ longestMs: times.at(-1), typicalMs: times[Math.floor(times.length * 0.95)] });
  };
  requestAnimationFrame(frame);
})`;

const SCROLL = frames("list.scrollTop = (now - startedAt) / 3_000 * list.scrollHeight;");
const WATCH = frames("");
