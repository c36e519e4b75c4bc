import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { TASK_CONDITIONS, topological } from "../../../../src/domain/graph.ts";
import type { TaskId } from "../../../../src/domain/ids.ts";
import type { EndingReason } from "../../../../src/domain/run.ts";
import { type Ending, planRun, type TaskState } from "../../../../src/engine/run/plan/plan.ts";
import { command, taskId } from "../../../support/engine/factories.ts";

const PENDING: TaskState = { status: "pending", reason: null, phase: "idle" };
const ATTEMPTING: TaskState = { status: "running", reason: null, phase: "attempting" };
const WAITING: TaskState = { status: "running", reason: null, phase: "waiting" };
const DUE: TaskState = { status: "running", reason: null, phase: "due" };
const COMPLETED: TaskState = { status: "completed", reason: null, phase: "idle" };
const FAILED: TaskState = { status: "failed", reason: "exit_code", phase: "idle" };

type Plan = {
  readonly states: Readonly<Record<string, TaskState>>;
  readonly after?: Readonly<Record<string, readonly string[]>>;
  readonly cleanUps?: readonly string[];
  readonly ending?: Ending | null;
  readonly maxTasks?: number;
};

const plan = ({ states, after = {}, cleanUps = [], ending = null, maxTasks = 4 }: Plan): string => {
  const tasks = Object.keys(states).map((id) =>
    command(id, "true", { after: after[id] ?? [], condition: cleanUps.includes(id) ? "all_done" : "all_success" }),
  );
  const byId = new Map(Object.entries(states).map(([id, state]) => [taskId(id), state]));
  const { steps, isOver } = planRun({ tasks, states: byId, ending, maxTasks });
  const words = steps.map((step) => `${step.kind} ${step.taskId}${"reason" in step ? ` ${step.reason}` : ""}`);
  return [...words, ...(isOver ? ["over"] : [])].join(", ");
};

const cancelled = (all: boolean): Ending => ({ reason: "cancelled", all });

describe("planRun", () => {
  test.each([
    ["starts all that can start", { states: { a: PENDING, b: PENDING } }, "start a, start b"],
    ["waits for upstreams", { states: { a: ATTEMPTING, b: PENDING }, after: { b: ["a"] } }, ""],
    [
      "starts the successor of a completed task",
      { states: { a: COMPLETED, b: PENDING }, after: { b: ["a"] } },
      "start b",
    ],
    [
      "skips a whole chain in one plan",
      { states: { a: FAILED, b: PENDING, c: PENDING }, after: { b: ["a"], c: ["b"] } },
      "skip b upstream_failed, skip c upstream_failed, over",
    ],
    [
      "leaves tasks without a place pending",
      { states: { a: PENDING, b: PENDING, c: PENDING }, maxTasks: 2 },
      "start a, start b",
    ],
    ["counts running attempts", { states: { a: ATTEMPTING, b: PENDING }, maxTasks: 1 }, ""],
    ["does not count tasks that wait for a retry", { states: { a: WAITING, b: PENDING }, maxTasks: 1 }, "start b"],
    ["starts the next attempt when it is due", { states: { a: DUE } }, "retry a"],
    ["lets a retry wait for a place", { states: { a: ATTEMPTING, b: DUE }, maxTasks: 1 }, ""],
    ["is over when all tasks have ended", { states: { a: COMPLETED, b: FAILED } }, "over"],
    [
      "skips and gives up tasks when the run is ended",
      { states: { a: ATTEMPTING, b: PENDING, c: WAITING, d: DUE }, ending: cancelled(false) },
      "skip b cancelled, give_up c cancelled, give_up d cancelled",
    ],
    [
      "starts clean-up tasks when the run is ended",
      { states: { a: FAILED, b: PENDING }, after: { b: ["a"] }, cleanUps: ["b"], ending: cancelled(false) },
      "start b",
    ],
    ["retries clean-up tasks", { states: { a: DUE }, cleanUps: ["a"], ending: cancelled(false) }, "retry a"],
    [
      "ends clean-up tasks too with `all`",
      { states: { a: PENDING, b: WAITING }, cleanUps: ["a", "b"], ending: cancelled(true) },
      "skip a cancelled, give_up b cancelled, over",
    ],
  ] as const satisfies readonly (readonly [string, Plan, string])[])("%s", (_, given, expected) => {
    expect(plan(given)).toBe(expected);
  });

  const graph = fc
    .array(
      fc.record({ after: fc.array(fc.nat(9), { maxLength: 3 }), condition: fc.constantFrom(...TASK_CONDITIONS) }),
      { minLength: 1, maxLength: 10 },
    )
    .map((nodes) =>
      topological(
        nodes.map(({ after, condition }, index) =>
          command(`t${index}`, "true", {
            // Only to earlier tasks, so there are no cycles.
            after: [...new Set(after)].filter((other) => other < index).map((other) => `t${other}`),
            condition,
          }),
        ),
      ),
    );

  /** An external event: an attempt completes, fails or waits for a retry, or the run is ended. */
  const happening = fc.record({
    which: fc.nat(20),
    what: fc.constantFrom<"works" | "fails" | "retries" | "cancel" | "cancelAll">(
      "works",
      "works",
      "fails",
      "retries",
      "cancel",
      "cancelAll",
    ),
  });

  test("ends every graph, within the limit of tasks, and decides each task once", () => {
    fc.assert(
      fc.property(
        graph,
        fc.array(happening, { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        (tasks, world, maxTasks) => {
          const states = new Map<TaskId, TaskState>(tasks.map(({ id }) => [id, PENDING]));
          let ending = null as Ending | null;
          const started = new Set<TaskId>();
          const upstreamsOf = new Map(tasks.map(({ id, dependsOn }) => [id, dependsOn]));
          const settle = (): boolean => {
            const { steps, isOver } = planRun({ tasks, states, ending, maxTasks });
            for (const step of steps) {
              const before = states.get(step.taskId);
              if (step.kind === "start") {
                expect(before).toEqual(PENDING);
                expect(started.has(step.taskId)).toBe(false);
                started.add(step.taskId);
                states.set(step.taskId, ATTEMPTING);
              } else if (step.kind === "retry") {
                expect(before).toEqual(DUE);
                states.set(step.taskId, ATTEMPTING);
              } else if (step.kind === "skip") {
                expect(before).toEqual(PENDING);
                states.set(step.taskId, { status: "skipped", reason: step.reason, phase: "idle" });
              } else if (step.kind === "give_up") {
                expect(before?.status).toBe("running");
                states.set(step.taskId, { status: "failed", reason: step.reason, phase: "idle" });
              }
            }
            const busy = [...states.values()].filter(({ phase }) => phase === "attempting");
            expect(busy.length).toBeLessThanOrEqual(maxTasks);
            // Planning again without a change returns nothing.
            expect(planRun({ tasks, states, ending, maxTasks }).steps).toEqual([]);
            return isOver;
          };
          let isOver = settle();
          for (const { which, what } of [...world, ...Array(60).fill({ which: 0, what: "works" })]) {
            if (isOver) break;
            const running = [...states].filter(([, { phase }]) => phase === "attempting" || phase === "waiting");
            const [id, state] = running[which % Math.max(1, running.length)] ?? [];
            if (what === "cancel" || what === "cancelAll") {
              ending = {
                reason: "cancelled" satisfies EndingReason,
                all: what === "cancelAll" || ending?.all === true,
              };
            } else if (id !== undefined && state?.phase === "waiting") states.set(id, DUE);
            else if (id !== undefined && state?.phase === "attempting")
              states.set(id, what === "works" ? COMPLETED : what === "fails" ? FAILED : WAITING);
            isOver = settle();
          }
          expect(isOver).toBe(true);
          for (const id of started)
            for (const upstream of upstreamsOf.get(id) ?? []) expect(states.get(upstream)?.status).not.toBe("pending");
        },
      ),
      { numRuns: 300 },
    );
  });
});
