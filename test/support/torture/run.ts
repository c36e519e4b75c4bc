import { setTimeout } from "node:timers/promises";
import { ask } from "../petit/api.ts";
import type { Petit } from "../petit/petit.ts";

/** Polls `check` until it returns a value. Throws after `limitMs`. */
export const eventually = async <T>(
  what: string,
  check: () => T | null | Promise<T | null>,
  limitMs = 20_000,
): Promise<T> => {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await check();
    if (found !== null) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs / 1000} s`);
    await setTimeout(10);
  }
};

export type EndedRun = {
  readonly id: string;
  readonly commit: string | null;
  readonly status: string;
  readonly reason: string | null;
  readonly error: string | null;
  readonly log: string;
  readonly tasks: readonly { readonly task_id: string; readonly status: string; readonly attempts: number }[];
};

/** Waits for the end of a run. Returns it with its tasks and its output. */
export const endOf = async (petit: Pick<Petit, "fetch">, runId: string, limitMs?: number): Promise<EndedRun> => {
  const path = `/api/runs/${runId}`;
  const run = await eventually(
    `the end of run ${runId}`,
    async () => {
      const { body } = await ask(petit, path);
      return body.ended_at === null || body.ended_at === undefined ? null : body;
    },
    limitMs,
  );
  const { body } = await ask(petit, `${path}/tasks`);
  return { ...run, tasks: body.tasks, log: await (await petit.fetch(`${path}/logs`)).text() };
};

/** Waits for the run of a job that follows the end of run `runId`, and returns its output. */
export const logOfFollower = async (petit: Pick<Petit, "fetch">, job: string, runId: string): Promise<string> => {
  const followerId = await eventually<string>(`a run of ${job} follows ${runId}`, async () => {
    const { body } = await ask(petit, `/api/jobs/${job}/deliveries`);
    const [delivery] = body.deliveries;
    return delivery?.provider_id === runId ? delivery.run_id : null;
  });
  return (await endOf(petit, followerId)).log;
};
