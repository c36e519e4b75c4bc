import { expect, test } from "bun:test";
import { newRunId, type RunId } from "../../../src/domain/ids.ts";
import { entryId, type Keyed } from "../../../src/domain/inbox/entry.ts";
import type { UnfiredReason } from "../../../src/domain/inbox/unfired.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { WaitsFor } from "../../../src/domain/limits/waits-for.ts";
import type { Run } from "../../../src/domain/run.ts";
import { groupByCause, type WaitFacts } from "../../../src/engine/attention/consequences.ts";
import { job, jobId, taskId } from "../../support/engine/factories.ts";

type Waiting = { readonly run: Run; readonly code: WaitsFor["code"] };

/** What a test says about the jobs and the runs. */
type World = {
  readonly items: readonly Keyed[];
  readonly jobs?: readonly Job[];
  readonly active?: readonly Run[];
  readonly waiting?: readonly Waiting[];
  readonly late?: readonly Run[];
  readonly skipping?: readonly { readonly job: Job; readonly reason: UnfiredReason; readonly count: number }[];
};

let made = 0;

/** A run, started by another one if that is given. Only these fields are read. */
const run = (id: string, parent: Run | null = null): Run => {
  const fields = {
    id: newRunId(++made),
    jobId: jobId(id),
    parent: parent === null ? null : { runId: parent.id, taskId: taskId("call"), item: null, attempt: 1 },
  };
  return fields as unknown as Run;
};

const stuck = ({ jobId: id, id: runId }: Run): Keyed => ({
  kind: "run_stuck",
  jobId: id,
  runId,
  since: 0,
  elapsedMs: 1,
  usualMs: 1,
  taskId: null,
});

const asking = ({ jobId: id, id: runId }: Run): Keyed => ({
  kind: "approval_needed",
  jobId: id,
  runId,
  taskId: taskId("ok"),
  name: "ok",
  since: 0,
  prompt: null,
  params: {},
  differing: [],
});

const failing = (id: string): Keyed => ({
  kind: "job_failing",
  jobId: jobId(id),
  runId: newRunId(++made),
  since: 0,
  count: 1,
  flapping: false,
  recent: { runs: 1, failed: 1 },
});

const unrun = (id: string, ...reasons: readonly [UnfiredReason, ...UnfiredReason[]]): Keyed => ({
  kind: "not_run_as_expected",
  jobId: jobId(id),
  jobs: 1,
  pause: null,
  gates: [],
  since: 0,
  count: 3,
  newest: reasons[0],
  reasons: reasons.map((reason) => ({ reason, count: 1 })),
});

const late = ({ jobId: id, id: runId }: Run, cause: "slot" | "warn_after", count = 1): Keyed => ({
  kind: "run_late",
  cause,
  jobId: id,
  runId,
  since: 0,
  waitedMs: 1,
  count,
  waitsFor: null,
});

const after = (id: string, ...upstream: readonly string[]): Job =>
  job(id, {
    dependsOn: upstream.map((each) => ({ jobId: jobId(each), condition: "last_success" as const, windowMs: null })),
  });

const group = ({ items, jobs = [], active = [], waiting = [], late: lateRuns = [], skipping = [] }: World) => {
  const facts: WaitFacts = {
    findJob: (id) => jobs.find((each) => each.id === id) ?? null,
    findActive: (id: RunId) => active.find((each) => each.id === id) ?? null,
    waiting: waiting.map((each) => ({ run: each.run, job: job(each.run.jobId) })),
    waitCode: (id) => waiting.find((each) => each.run.id === id)?.code ?? null,
    late: lateRuns,
    skipping: skipping.map(({ job: of, reason, count }) => ({
      job: of,
      streak: { since: 0, count, newest: reason, reasons: [{ reason, count }] },
    })),
  };
  const { causes, consequences } = groupByCause(items, facts);
  return causes.map((item) => [
    entryId(item).split(":")[0],
    "jobId" in item ? String(item.jobId) : "",
    (consequences.get(entryId(item)) ?? []).map(({ reason, jobId: of, count }) => `${reason} ${of} ${count}`),
  ]);
};

const [A, B, C] = [run("a"), run("b"), run("c")];
const PARENT = run("parent");
const CHILD = run("child", PARENT);
const GRANDCHILD = run("grandchild", CHILD);
const INNER_WAIT = run("inner", PARENT);

test.each<[string, World, ReturnType<typeof group>]>([
  [
    "a stuck job whose occurrences overlap",
    { items: [stuck(A), unrun("a", "overlap")], active: [A] },
    [["run_stuck", "a", ["overlap a 3"]]],
  ],
  [
    "a stuck job whose occurrences overlapped before petit was down",
    { items: [unrun("a", "down", "overlap"), stuck(A)], active: [A] },
    [["run_stuck", "a", ["overlap a 3"]]],
  ],
  [
    "an approval for which occurrences find the queue full",
    { items: [asking(A), unrun("a", "queue_full")], active: [A] },
    [["approval_needed", "a", ["overlap a 3"]]],
  ],
  [
    "a paused job that is stuck, too: two things",
    { items: [stuck(A), unrun("a", "paused", "overlap")], active: [A] },
    [
      ["run_stuck", "a", []],
      ["not_run_as_expected", "a", []],
    ],
  ],
  [
    "a job whose pending run waits for another one, and whose occurrences find the queue full",
    { items: [late(A, "slot"), unrun("a", "queue_full")], waiting: [{ run: A, code: "queue" }] },
    [["run_late", "a", ["overlap a 3"]]],
  ],
  [
    "a stuck run and what waits for its place in the queue, late or not",
    {
      items: [stuck(A), late(B, "slot")],
      jobs: ["a", "b", "c"].map((id) => job(id, { queue: id === "c" ? "other" : "db" })),
      active: [A],
      waiting: [
        { run: B, code: "queue" },
        { run: run("b"), code: "queue" },
        { run: C, code: "queue" },
      ],
    },
    [["run_stuck", "a", ["limit b 1"]]],
  ],
  [
    "a stuck run and one pending run of its job and of all",
    {
      items: [stuck(A)],
      active: [A],
      waiting: [
        { run: run("a"), code: "max_concurrency" },
        { run: B, code: "max_jobs" },
      ],
    },
    [["run_stuck", "a", ["limit a 1", "limit b 1"]]],
  ],
  [
    "an approval, which has no place in a queue",
    {
      items: [asking(A), late(B, "slot")],
      jobs: ["a", "b"].map((id) => job(id, { queue: "db" })),
      active: [A],
      waiting: [{ run: B, code: "queue" }],
    },
    [
      ["approval_needed", "a", []],
      ["run_late", "b", []],
    ],
  ],
  [
    "one occurrence that was skipped behind a failing job",
    {
      items: [failing("a")],
      jobs: [after("b", "a")],
      skipping: [{ job: after("b", "a"), reason: "dependency", count: 1 }],
    },
    [["job_failing", "a", ["gate b 1"]]],
  ],
  [
    "one occurrence that was skipped for another reason",
    {
      items: [failing("a")],
      jobs: [after("b", "a")],
      skipping: [{ job: after("b", "a"), reason: "paused", count: 1 }],
    },
    [["job_failing", "a", []]],
  ],
  [
    "a chain of gates behind a failing job",
    {
      items: [unrun("c", "dependency"), unrun("b", "dependency"), failing("a")],
      jobs: [after("b", "a"), after("c", "b")],
    },
    [["job_failing", "a", ["gate c 3", "gate b 3"]]],
  ],
  [
    "a gate on a job that is paused",
    { items: [unrun("a", "paused"), unrun("b", "dependency")], jobs: [after("b", "a")] },
    [["not_run_as_expected", "a", ["gate b 3"]]],
  ],
  [
    "a ring of gates, in which nothing is lost",
    { items: [unrun("a", "dependency"), unrun("b", "dependency")], jobs: [after("a", "b"), after("b", "a")] },
    [["not_run_as_expected", "a", ["gate b 3"]]],
  ],
  [
    "the parents of a child run that waits for a person, which are late",
    {
      items: [asking(GRANDCHILD), late(PARENT, "warn_after")],
      active: [PARENT, CHILD, GRANDCHILD],
      late: [PARENT],
    },
    [["approval_needed", "grandchild", ["late parent 1", "child child 1", "child parent 1"]]],
  ],
  [
    "a parent that is stuck like its child",
    { items: [stuck(PARENT), stuck(CHILD)], active: [PARENT, CHILD] },
    [["run_stuck", "child", ["child parent 1"]]],
  ],
  [
    "the parent of a pending child run that waits behind a stuck run",
    {
      items: [stuck(A)],
      jobs: ["a", "inner"].map((id) => job(id, { queue: "db" })),
      active: [A, PARENT],
      waiting: [{ run: INNER_WAIT, code: "queue" }],
    },
    [["run_stuck", "a", ["child parent 1", "limit inner 1"]]],
  ],
  [
    "a run that is late because it waits for a person",
    { items: [asking(A), late(A, "warn_after")], active: [A], late: [A] },
    [["approval_needed", "a", ["late a 1"]]],
  ],
  [
    "late runs of which one does not wait for a person",
    { items: [asking(A), late(A, "warn_after", 2)], active: [A], late: [A, run("a")] },
    [
      ["approval_needed", "a", []],
      ["run_late", "a", []],
    ],
  ],
])("groups %s", (_name, world, expected) => {
  expect(group(world)).toEqual(expected);
});

test("groups 10,000 jobs behind one in a few passes, also in a chain", () => {
  const ids = Array.from({ length: 10_000 }, (_, index) => `job${index}`);
  const jobs = new Map(ids.map((id, index) => [jobId(id), after(id, index < 9_000 ? "source" : `job${index - 1}`)]));
  const facts: WaitFacts = {
    findJob: (id) => jobs.get(id) ?? null,
    findActive: () => null,
    waiting: [],
    waitCode: () => null,
    late: [],
    skipping: [],
  };
  const items = [...ids.toReversed().map((id) => unrun(id, "dependency")), failing("source")];
  const { causes, consequences } = groupByCause(items, facts);
  expect(causes.map(entryId)).toEqual(["job_failing:source"]);
  expect(consequences.get("job_failing:source")).toHaveLength(10_000);
});
