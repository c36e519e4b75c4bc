import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, post, start } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { endOf, eventually } from "../support/torture/run.ts";

/** `PETIT_CHAIN_SECONDS=3 PETIT_RESTARTS=20` gives a longer test. */
const CHAIN_SECONDS = Number(process.env.PETIT_CHAIN_SECONDS ?? 0.4);
const RESTARTS = Number(process.env.PETIT_RESTARTS ?? 6);

const TASKS = Array.from({ length: 10 }, (_, index) => `t${index}`);

const chainTask = (id: string, index: number): string => `
  - id: ${id}
    type: shell
    depends_on: [${index === 0 ? "" : TASKS[index - 1]}]
    script: |
      echo "${id} begins" >> did
      echo "${id} 1"
      sleep ${CHAIN_SECONDS}
      echo "${id} 2" >&2
      echo "${id} ends" >> did`;

const CHAIN = `id: chain\ntasks:${TASKS.map(chainTask).join("")}\n`;

const didIn = (petit: Petit): string => {
  try {
    return readFileSync(join(petit.dir, "did"), "utf8");
  } catch {
    return "";
  }
};

/** Starts petit. Returns it with the time from the start of the process until it is ready, in ms. */
const timedStart = async (options: Parameters<typeof startPetit>[0]): Promise<readonly [Petit, number]> => {
  const startedAt = performance.now();
  const petit = await startPetit(options);
  expect((await petit.fetch("/api/health")).status).toBe(200);
  return [petit, performance.now() - startedAt];
};

const inMs = (list: readonly number[]): string => list.map((ms) => ms.toFixed(0)).join(" ");

test("a chain of ten tasks survives five kills and five restarts: each task runs once, and the log has no gap", async () => {
  const args = ["--on-shutdown", "leave"];
  let petit = await startPetit({ jobs: { "chain.yaml": CHAIN }, args });
  const runId = await start(petit, "chain");
  const tookMs: number[] = [];
  for (const [index, id] of TASKS.entries()) {
    await eventually(`${id} begins`, () => (didIn(petit).includes(`${id} begins`) ? true : null), 60_000);
    if (index % 2 === 0) await petit.kill();
    else expect(await petit.stop()).toBe(0);
    const [next, ms] = await timedStart({ dir: petit.dir, args });
    petit = next;
    tookMs.push(ms);
  }
  await using last = petit;
  const run = await endOf(last, runId, 60_000);
  console.log(`from the start of a process to health, with a run adopted, in ms: ${inMs(tookMs)}`);
  expect(run).toMatchObject({ status: "completed", log: TASKS.map((id) => `${id} 1\n${id} 2\n`).join("") });
  expect(run.tasks.map(({ attempts }) => attempts)).toEqual(TASKS.map(() => 1));
  expect(didIn(last)).toBe(TASKS.map((id) => `${id} begins\n${id} ends\n`).join(""));
}, 120_000);

const LOAD = `id: short
tasks: [{id: a, type: shell, script: "sleep 0.1"}, {id: b, type: command, command: "true", depends_on: [a]}]
---
id: tick
schedule: "* * * * * *"
tasks: [{id: a, type: shell, script: "sleep 0.3"}]
`;

/** Triggers without pause until `isOver`. Adds the accepted runs to the set. */
const triggerOn = async (accepted: Set<string>, current: () => Petit, isOver: () => boolean): Promise<void> => {
  while (!isOver()) {
    const answer = await post(current(), "/api/jobs/short/trigger").catch(() => null);
    if (answer?.status === 200) accepted.add(answer.body.run_id);
    // petit may be at its limit, stopping, or not running.
    else await Bun.sleep(5);
  }
};

test(`${RESTARTS} restarts under load exit with 0 each, and lose nothing`, async () => {
  const args = ["-j", "8"];
  let petit = await startPetit({ jobs: { "load.yaml": LOAD }, args });
  let isOver = false;
  const accepted = new Set<string>();
  const client = (): Promise<void> =>
    triggerOn(
      accepted,
      () => petit,
      () => isOver,
    );
  const clients = [client(), client()];
  const drainsMs: number[] = [];
  for (let left = RESTARTS; left > 0; left--) {
    const before = accepted.size;
    await eventually("ten more triggers", () => (accepted.size >= before + 10 ? true : null));
    const stoppedAt = performance.now();
    expect(await petit.stop()).toBe(0);
    drainsMs.push(performance.now() - stoppedAt);
    petit = await startPetit({ dir: petit.dir, args });
  }
  isOver = true;
  await Promise.all(clients);
  await using last = petit;
  for (const runId of accepted) expect(await endOf(last, runId)).toMatchObject({ status: "completed" });
  const { body } = await ask(last, "/api/runs?limit=1000&status=interrupted");
  expect(body.runs).toEqual([]);
  console.log(`${RESTARTS} restarts, ${accepted.size} triggers; from SIGTERM to the end, in ms: ${inMs(drainsMs)}`);
}, 180_000);
