import { dirname, resolve } from "node:path";
import type { Settings } from "../../app/settings/settings.ts";
import { Simulation } from "../../app/simulation/simulation.ts";
import { neighboursOf, standInFor } from "../../app/simulation/stand-in.ts";
import { COMPLETES, type Stub, stubDriver } from "../../app/simulation/stub-driver.ts";
import type { Delivery } from "../../domain/deliveries/delivery.ts";
import type { EventTrigger, RunTrigger } from "../../domain/deliveries/trigger.ts";
import { PetitError } from "../../domain/errors.ts";
import type { JobId, RunId, TaskId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { isFinal, type Run, type RunParent } from "../../domain/run.ts";
import { localTime } from "../../domain/schedule/local-time.ts";
import { nextOccurrences } from "../../domain/schedule/next-occurrences.ts";
import { parseIso } from "../../domain/time-span.ts";
import type { AttemptCall } from "../../engine/attempt/command.ts";
import type { RunAttemptOptions } from "../../engine/attempt/run-attempt.ts";
import type { ReadTest } from "../../jobfile/read/test-file.ts";
import type { JobTest, TestEvent } from "../../jobfile/schema/test-file.ts";
import { sleep } from "../../lib/clock.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Store } from "../../store/store.ts";
import { checkRun } from "./check-run.ts";
import { type Difference, Differences, Words } from "./difference.ts";
import { eventArrival, isWrong, triggerOf, type WrongEvent } from "./event.ts";
import { checkOccurrences, whyNoOccurrences } from "./occurrences.ts";
import { isReal, itemsOf, stubFor, toStub } from "./stubs.ts";

export type TestContext = {
  readonly jobsDir: string;
  /** All valid jobs of the folder. */
  readonly jobs: ReadonlyMap<JobId, Job>;
  readonly settings: Settings;
  /** The zone of schedules that name none. */
  readonly zone: string;
  readonly runtime: Runtime;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Ends a test: it throws the reason of the signal. */
  readonly signal: AbortSignal;
};

/** The result of a test; it has passed if there are no differences. */
export type TestResult = {
  readonly read: ReadTest;
  readonly differences: readonly Difference[];
  readonly durationMs: number;
};

/** When a test begins that names no time. */
const DEFAULT_AT = Date.UTC(2030, 0, 1);

/** How long a run can take by the clock of the test, in ms. */
const MAX_RUN_MS = 31 * 86_400_000;

/** Who triggers runs and decides about approvals. */
const TESTER = "petit test";

/** Runs a test: a run of its job in an engine of its own, with stubs for the processes. */
export const runTest = async (read: ReadTest, context: TestContext): Promise<TestResult> => {
  const startedAt = performance.now();
  const differences = new Differences();
  const { test, job } = read;
  checkOccurrences(test.expect, { job, zone: context.zone, differences });
  if (expectsRun(test)) await new TestRun(read, context, differences).run();
  return { read, differences: differences.found, durationMs: performance.now() - startedAt };
};

/** Returns whether a test is about more than the occurrences of a schedule. */
const expectsRun = ({ expect: { occurrences: _, ...rest } }: JobTest): boolean =>
  Object.values(rest).some(
    (value) =>
      value !== undefined && (typeof value !== "object" || Array.isArray(value) || Object.keys(value).length > 0),
  );

type CallKey = string;
const callKey = (taskId: string, item: string | null): CallKey => JSON.stringify([taskId, item]);

/** The run of a test. */
class TestRun {
  readonly #file: string;
  readonly #job: Job;
  readonly #test: JobTest;
  readonly #context: TestContext;
  readonly #differences: Differences;
  readonly #jobs: ReadonlyMap<JobId, Job>;
  /** The jobs that other jobs stand in for. */
  readonly #stoodIn: ReadonlySet<JobId>;
  readonly #calls = new Map<RunId, Map<CallKey, AttemptCall>>();
  /** The trigger that the event of the test reaches; null without an event. */
  readonly #trigger: EventTrigger | WrongEvent | null;
  /** True while the run of another job runs that a trigger follows. */
  #isFollowed = false;
  #processes = 0;
  #store: Store | null = null;

  constructor({ file, job, test }: ReadTest, context: TestContext, differences: Differences) {
    this.#file = file;
    this.#job = job;
    this.#test = test;
    this.#context = context;
    this.#differences = differences;
    const real = realJobs(job, test, context.jobs);
    const found = test.event === undefined ? null : triggerOf(job, test.event);
    this.#trigger = found;
    const triggers = found === null || isWrong(found) ? [] : [found];
    const schedule = test.occurrence === undefined ? null : job.schedule;
    const jobs = new Map<JobId, Job>([[job.id, { ...job, schedule, triggers }]]);
    const stoodIn = new Set<JobId>();
    for (const id of real) {
      const found = context.jobs.get(id);
      if (found !== undefined && id !== job.id) jobs.set(id, { ...found, schedule: null });
    }
    const followed = triggers.flatMap((trigger) => (trigger.type === "run" ? [trigger.jobId] : []));
    for (const id of [...neighboursOf(job), ...followed, ...Object.keys(test.jobs)]) {
      const found = [...context.jobs.values()].find((each) => each.id === id);
      if (found === undefined || jobs.has(found.id)) continue;
      jobs.set(found.id, standInFor(found));
      stoodIn.add(found.id);
    }
    this.#jobs = jobs;
    this.#stoodIn = stoodIn;
  }

  async run(): Promise<void> {
    const { at, occurrence } = this.#test;
    const { settings, runtime, environment, jobsDir, zone, signal } = this.#context;
    const timezone = this.#job.schedule?.timezone ?? zone;
    const due = this.#readTime("occurrence", occurrence, timezone);
    const start = this.#readTime("at", at, timezone) ?? DEFAULT_AT;
    if (this.#trigger !== null && isWrong(this.#trigger)) this.#wrongEvent(this.#trigger);
    if (this.#differences.found.length > 0 || !this.#isOccurrence(due, timezone)) return;
    await using simulation = await Simulation.start({
      settings: { ...settings, timezone: zone },
      runtime,
      environment,
      jobsDir,
      jobs: [...this.#jobs.values()],
      now: due === null ? start : due - 1,
      followSchedules: due !== null || this.#trigger !== null,
      attempts: (local) =>
        stubDriver({
          local,
          stubOf: (options) => this.#stubOf(options),
          onCall: (options, call) => this.#noteCall(options, call),
          onProcess: (change) => {
            this.#processes += change;
          },
        }),
      hasProcess: () => this.#processes > 0,
      signal,
    });
    this.#store = simulation.engine.store;
    using _ = this.#decideApprovals(simulation);
    await this.#runBefore(simulation);
    const run = await this.#start(simulation, due);
    if (run !== null) await this.#check(simulation, run);
  }

  #readTime(field: "at" | "occurrence", text: string | undefined, timezone: string): number | null {
    if (text === undefined) return null;
    const at = parseIso(text, timezone);
    if (at === null) this.#differences.add([field], new Words("a time such as 2027-03-28T01:55"), text);
    else if (at <= 0) this.#differences.add([field], new Words("a time after 1970-01-01T00:00:00Z"), text);
    return at;
  }

  #isOccurrence(due: number | null, timezone: string): boolean {
    if (due === null) return true;
    const { zone } = this.#context;
    const [next] = nextOccurrences([this.#job], { after: due - 1, until: null, count: 1, zone });
    if (next?.at === due) return true;
    const why = whyNoOccurrences(this.#job);
    const none = why === null ? "no occurrence" : `none: ${why}`;
    const got = next === undefined ? none : `no occurrence; the next one is ${localTime(next.at, timezone)}`;
    this.#differences.add(["occurrence"], new Words("an occurrence of the schedule"), new Words(got));
    return false;
  }

  /** Runs the jobs that have run before. */
  async #runBefore(simulation: Simulation): Promise<void> {
    const { engine } = simulation;
    for (const id of Object.keys(this.#test.jobs)) {
      const run = await simulation.until(engine.trigger(id, { by: TESTER }), Number.POSITIVE_INFINITY);
      if (run !== null) await simulation.until(engine.waitForRun(run.id), Number.POSITIVE_INFINITY);
    }
  }

  #start(simulation: Simulation, due: number | null): Promise<Run | null> {
    if (due !== null) return this.#becomeDue(simulation, due);
    const { event } = this.#test;
    return event === undefined ? this.#triggerByHand(simulation) : this.#deliver(simulation, event);
  }

  /** Lets an event reach its trigger. */
  async #deliver(simulation: Simulation, event: TestEvent): Promise<Run | null> {
    const trigger = this.#trigger;
    if (trigger === null || isWrong(trigger)) return null;
    const { engine, clock } = simulation;
    const delivery =
      trigger.type === "run"
        ? await this.#endOther(simulation, trigger, event)
        : await this.#accept(simulation, trigger, event);
    if (delivery === null) return null;
    // More events could follow within this time.
    const { debounce } = trigger;
    await simulation.passTo(
      clock.now() + (debounce === undefined ? 0 : Math.max(debounce.waitMs, debounce.maxWaitMs ?? 0)),
    );
    const { outcome, reason, problem, runId } = engine.store.deliveries.find(delivery.id) ?? delivery;
    if (runId !== null) return engine.store.runs.find(runId);
    return this.#refused(`${outcome}: ${reason}${problem === null ? "" : `, ${problem}`}`);
  }

  async #accept(
    simulation: Simulation,
    trigger: Exclude<EventTrigger, { readonly type: "run" }>,
    event: TestEvent,
  ): Promise<Delivery | null> {
    const { engine, clock } = simulation;
    const folder = dirname(resolve(this.#context.jobsDir, this.#file));
    const arrival = eventArrival(event, trigger, { folder, now: clock.now() });
    if (!isWrong(arrival))
      return await simulation.until(engine.acceptEvent(this.#job.id, arrival), Number.POSITIVE_INFINITY);
    this.#wrongEvent(arrival);
    return null;
  }

  /** Runs the other job that a trigger follows, and returns the delivery about its end. */
  async #endOther(
    simulation: Simulation,
    { jobId }: RunTrigger,
    { status = "completed", params = {}, outputs }: TestEvent,
  ) {
    const { engine } = simulation;
    const other = this.#jobs.get(jobId);
    const unknown = Object.keys(outputs).find((name) => !Object.hasOwn(other?.outputs ?? {}, name));
    if (unknown !== undefined) {
      this.#differences.add(["event", "outputs", unknown], new Words(`an output of job '${jobId}'`), unknown);
      return null;
    }
    this.#isFollowed = true;
    try {
      const run = await simulation.until(engine.trigger(jobId, { params, by: TESTER }), Number.POSITIVE_INFINITY);
      if (run !== null) await simulation.until(engine.waitForRun(run.id), Number.POSITIVE_INFINITY);
    } catch (error) {
      if (!(error instanceof PetitError)) throw error;
      this.#differences.add(["event"], new Words(`a run of job '${jobId}'`), new Words(error.message));
      return null;
    } finally {
      this.#isFollowed = false;
    }
    await simulation.passTo(simulation.clock.now());
    const [delivery] = engine.store.deliveries.list({ jobId: this.#job.id, limit: 1 });
    return delivery ?? this.#refused(`no trigger follows a run that is ${status}`);
  }

  #wrongEvent({ field, expected, got }: WrongEvent): void {
    this.#differences.add(field === null ? ["event"] : ["event", field], new Words(expected), new Words(got));
  }

  async #triggerByHand(simulation: Simulation): Promise<Run | null> {
    const { params = {} } = this.#test;
    const { engine } = simulation;
    try {
      const started = await simulation.until(
        engine.trigger(this.#job.id, { params, by: TESTER }),
        Number.POSITIVE_INFINITY,
      );
      return started === null ? null : engine.store.runs.find(started.id);
    } catch (error) {
      if (!(error instanceof PetitError)) throw error;
      return this.#refused(error.message);
    }
  }

  /** Lets an occurrence become due. Jitter may delay its start. */
  async #becomeDue(simulation: Simulation, due: number): Promise<Run | null> {
    const { store } = simulation.engine;
    await simulation.passTo(due + (this.#job.schedule?.jitterMs ?? 0));
    // No other occurrence starts a run beside it.
    await simulation.until(simulation.engine.pauseJob(this.#job.id, TESTER), Number.POSITIVE_INFINITY);
    const run = store.runs.findNewestFor(this.#job.id, due);
    if (run !== null) return run;
    const decided = store.occurrences.find(this.#job.id, due);
    return this.#refused(decided === null ? "the occurrence is not due" : `${decided.outcome}: ${decided.reason}`);
  }

  #refused(reason: string): null {
    const { refused } = this.#test.expect;
    if (refused === undefined) this.#differences.add(["expect"], new Words("a run"), new Words(`no run: ${reason}`));
    else this.#differences.part(["expect", "refused"], refused, reason);
    return null;
  }

  async #check(simulation: Simulation, started: Run): Promise<void> {
    const { refused } = this.#test.expect;
    const { engine, clock } = simulation;
    if (refused !== undefined) {
      this.#differences.add(["expect", "refused"], new Words(`no run, because of '${refused}'`), new Words("a run"));
      return;
    }
    const run = await simulation.until(engine.waitForRun(started.id), clock.now() + MAX_RUN_MS);
    if (run === null || !isFinal(run.status)) {
      const open = engine.store.runs.listTaskRuns(started.id).filter(({ endedAt }) => endedAt === null);
      const names = open.map(({ taskId }) => taskId).join(", ");
      this.#differences.add(
        ["expect"],
        new Words("the end of the run"),
        new Words(`a run that still waits after 31 days: ${names}`),
      );
      return;
    }
    checkRun(run, {
      expected: this.#test.expect,
      store: engine.store,
      callOf: (taskId, item) => this.#calls.get(run.id)?.get(callKey(taskId, item)) ?? null,
      differences: this.#differences,
    });
    this.#checkStubbedItems(run, engine.store);
  }

  /** Finds stubs for items that the tasks don't have. A task that was not expanded could have had any. */
  #checkStubbedItems({ id: runId }: Run, { runs }: Store): void {
    for (const { taskId, items } of runs.listTaskRuns(runId)) {
      const stub = Object.hasOwn(this.#test.tasks, taskId) ? this.#test.tasks[taskId] : undefined;
      const named = stub === undefined ? [] : itemsOf(stub);
      if (items === null || named.length === 0) continue;
      const keys = runs.listItems({ runId, taskId }).map(({ key }) => key);
      const got = new Words(`only ${keys.join(", ") || "none"}`);
      for (const key of named)
        if (!keys.includes(key)) this.#differences.add(["tasks", taskId, "items", key], new Words("an item"), got);
    }
  }

  #stubOf({ context: { run, job, task, item }, attempt }: RunAttemptOptions): Stub | null {
    const { tasks, jobs, event } = this.#test;
    if (run.parent === null && run.jobId === this.#job.id)
      return stubFor(tasks, { taskId: task.id, item: item?.key ?? null, attempt: attempt.attempt });
    if (!this.#stoodIn.has(job.id)) return null;
    const { parent } = run;
    if (parent === null && this.#isFollowed && event !== undefined)
      return { ...toStub(event.status), outputs: event.outputs };
    if (parent === null) return toStub(jobs[job.id]);
    return stubFor(tasks, { taskId: parent.taskId, item: this.#keyOf(parent), attempt: parent.attempt });
  }

  #keyOf({ runId, taskId, item }: RunParent): string | null {
    if (item === null) return null;
    const [found] = this.#store?.runs.listItems({ runId, taskId, after: item - 1, limit: 1 }) ?? [];
    return found?.key ?? null;
  }

  #noteCall({ context: { run, task, item } }: RunAttemptOptions, call: AttemptCall): void {
    const calls = this.#calls.get(run.id) ?? new Map<CallKey, AttemptCall>();
    this.#calls.set(run.id, calls);
    calls.set(callKey(task.id, item?.key ?? null), call);
  }

  /** Decides about approvals as their stubs say. One that takes longer than its timeout has timed out by then. */
  #decideApprovals({ engine, clock }: Simulation): Disposable {
    const decide = async (runId: RunId, taskId: TaskId): Promise<void> => {
      const attempt = { taskId, item: null, attempt: 1 };
      const stub = stubFor(this.#test.tasks, attempt) ?? COMPLETES;
      if (stub.takesMs > 0) await sleep(clock, stub.takesMs);
      const { by = TESTER, comment = null } = stub.outputs;
      const kind = stub.exitCode === 0 ? "approve" : "reject";
      await engine.decide(runId, taskId, { kind, by, comment }).catch((error: unknown) => {
        if (!(error instanceof PetitError)) throw error;
      });
    };
    const remove = engine.onEvent(({ type, status, runId, taskId }) => {
      if (type === "approval" && status === "waiting" && runId !== null && taskId !== null) void decide(runId, taskId);
    });
    return { [Symbol.dispose]: remove };
  }
}

/** Returns the jobs that run with all of their processes, because a task with `real: true` runs them. */
const realJobs = (job: Job, { tasks }: JobTest, jobs: ReadonlyMap<JobId, Job>): ReadonlySet<JobId> => {
  const found = new Set<JobId>();
  for (const { id, program } of job.tasks) if (program.type === "job" && isReal(tasks[id])) found.add(program.jobId);
  // A set visits what is added meanwhile.
  for (const id of found)
    for (const { program } of jobs.get(id)?.tasks ?? []) if (program.type === "job") found.add(program.jobId);
  return found;
};
