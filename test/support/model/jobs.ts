import type { Job } from "../../../src/domain/job.ts";
import { childJob, command, items, job, jobId, retry, schedule, webhook } from "../engine/factories.ts";

const task = (id: string, given: Parameters<typeof command>[2] = {}) => command(id, "true", given);

/** The jobs of the model. Those with a schedule are due at different seconds, so that their order is defined. */
export const MODEL_JOBS: readonly Job[] = [
  job("all", { schedule: schedule("25 * * * * *", { catchup: "all", catchupWindowMs: 180_000 }) }),
  job("chain", {
    tasks: [
      task("a"),
      task("b", { after: ["a"] }),
      task("c", { after: ["a"], condition: "on_failure" }),
      task("d", { after: ["b"], condition: "all_done" }),
    ],
  }),
  job("fan", { tasks: [childJob("each", "twig", { items: items(["x", "y", "z"], { failFast: true }) })] }),
  job("fast", {
    tasks: [
      task("each", { items: items(["a", "b", "c"], { maxParallel: 2, failFast: true }) }),
      task("last", { after: ["each"], condition: "all_done" }),
    ],
  }),
  job("flaky", {
    onInterrupt: "rerun",
    tasks: [task("only", { retry: retry(1, { delayMs: 20_000, condition: "transient_only" }) })],
  }),
  job("follow", {
    triggers: [
      {
        type: "run",
        name: null,
        jobId: jobId("hook"),
        on: ["completed", "failed", "cancelled"],
        params: {},
        onOverlap: "queue",
        onPause: "keep",
      },
    ],
  }),
  job("free", { tasks: [task("left"), task("right")] }),
  job("gated", { dependsOn: [{ jobId: jobId("free"), condition: "last_success", windowMs: null }] }),
  job("hook", { maxConcurrency: 1, triggers: [webhook()] }),
  job("late", { schedule: schedule("5 * * * * *"), queue: "db", priority: -1 }),
  job("lenient", {
    tasks: [
      task("some", { allowFailure: { exitCodes: [3] } }),
      task("after", { after: ["some"] }),
      task("mended", { after: ["some"], condition: "on_failure" }),
      task("maybe", { skipExitCodes: [99], allowFailure: "always" }),
      task("then", { after: ["maybe"] }),
      task("last", { after: ["maybe"], condition: "all_done" }),
    ],
  }),
  job("leaf", {
    schedule: schedule("27 */2 * * * *"),
    maxConcurrency: 1,
    tasks: [
      task("first"),
      task("second", { after: ["first"] }),
      task("tidy", { after: ["second"], condition: "all_done" }),
    ],
  }),
  job("many", {
    tasks: [
      task("each", {
        items: items(["a", "b", "c", "d"], { maxParallel: 2, maxFailures: { unit: "items", value: 1 } }),
        retry: retry(1, { delayMs: 20_000, condition: "transient_only" }),
      }),
      task("after", { after: ["each"] }),
    ],
  }),
  job("merge", {
    triggers: [webhook({ debounce: { key: "${{ event.body.key }}", waitMs: 40_100, maxWaitMs: 100_200 } })],
  }),
  job("nest", {
    queue: "db",
    tasks: [
      childJob("each", "leaf", { items: items(["x", "y"], { failFast: true }) }),
      task("after", { after: ["each"] }),
    ],
  }),
  job("none", { schedule: schedule("15 * * * * *", { catchup: "none" }), maxConcurrency: 2 }),
  job("parent", {
    tasks: [childJob("call", "leaf"), task("own"), task("wrap", { after: ["call", "own"], condition: "all_done" })],
  }),
  job("queue", { schedule: schedule("10 * * * * *"), maxConcurrency: 1, onOverlap: "queue" }),
  job("replace", {
    schedule: schedule("20 */2 * * * *"),
    maxConcurrency: 1,
    onOverlap: "replace",
    tasks: [task("work"), task("tidy", { after: ["work"], condition: "all_done" })],
  }),
  job("slow", { queue: "db", tasks: [task("a"), task("b", { after: ["a"] })] }),
  job("tick", { schedule: schedule("0 * * * * *"), maxConcurrency: 1 }),
  job("twig", { tasks: [task("work"), task("tidy", { after: ["work"], condition: "all_done" })] }),
  job("urgent", { queue: "db", priority: 100 }),
];

/** The schedules of the jobs in the form that the model uses. */
export const DUE: Readonly<Record<string, { readonly periodMs: number; readonly offsetMs: number }>> = {
  tick: { periodMs: 60_000, offsetMs: 0 },
  none: { periodMs: 60_000, offsetMs: 15_000 },
  all: { periodMs: 60_000, offsetMs: 25_000 },
  queue: { periodMs: 60_000, offsetMs: 10_000 },
  late: { periodMs: 60_000, offsetMs: 5_000 },
  leaf: { periodMs: 120_000, offsetMs: 27_000 },
  replace: { periodMs: 120_000, offsetMs: 20_000 },
};

/** The secret of the webhooks. */
export const HOOK_TOKEN = "a-long-token";

export const MODEL_MAX_JOBS = 4;

/** How many runs of the queue `db` may run at once. */
export const MODEL_QUEUES = new Map([["db", 1]]);

/** The states of a job file: present, disabled, or removed. */
export const PRESENCES = ["on", "off", "gone"] as const;
export type Presence = (typeof PRESENCES)[number];

/** Returns the jobs of the files, with the current state of `tick`. */
export const jobsWith = (tick: Presence): readonly Job[] =>
  MODEL_JOBS.filter(({ id }) => tick !== "gone" || id !== "tick").map((each) =>
    each.id === "tick" ? { ...each, enabled: tick === "on" } : each,
  );
