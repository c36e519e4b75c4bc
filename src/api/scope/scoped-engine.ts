import { PetitError } from "../../domain/errors.ts";
import type { HealthReason } from "../../domain/health.ts";
import type { JobId, RunId } from "../../domain/ids.ts";
import { backfillNotFound, deliveryNotFound, jobNotFound, refuse, runNotFound } from "../../domain/refusal.ts";
import type { Health, JobView } from "../../engine/engine.ts";
import { assertNever } from "../../lib/never.ts";
import { noteHidden } from "../../store/people/audit-scope.ts";
import type { ApiEngine, ApiStore } from "../options.ts";
import { isEventOf } from "./events.ts";
import type { Redaction } from "./redact.ts";
import type { Visibility } from "./visibility.ts";

type Scoped = { readonly store: ApiStore; readonly visibility: Visibility; readonly redaction: Redaction };

/** Returns an engine in which only the jobs of a person exist. What concerns all jobs can't be changed with it. */
export const scopedEngine = (engine: ApiEngine, { store, visibility, redaction }: Scoped): ApiEngine => {
  const sees = (jobId: JobId | null): boolean => visibility.has(jobId);
  const isOfPerson = ({ jobId }: { readonly jobId: JobId | null }): boolean => visibility.has(jobId);
  const views = (list: readonly JobView[]): readonly JobView[] =>
    list.flatMap((view) => (sees(view.job.id) ? [redaction.ofView(view)] : []));
  const viewOf = (view: JobView | null): JobView | null => {
    if (view === null) return null;
    if (sees(view.job.id)) return redaction.ofView(view);
    noteHidden();
    return null;
  };
  const isHidden = ({ jobId }: { readonly jobId: JobId }): boolean =>
    !sees((engine.findJob(jobId) ?? engine.findGoneJob(jobId))?.job.id ?? jobId);
  /** Says whether a gate on another job is shut, but not which. */
  const withGates = (view: JobView | null): JobView | null =>
    view?.job.dependsOn.some(isHidden)
      ? { ...view, isHiddenGateShut: engine.shutGates(view.job.id).some(isHidden) }
      : view;
  const notFound = (jobId: string): PetitError => {
    const gone = viewOf(engine.findGoneJob(jobId));
    return gone === null
      ? jobNotFound(jobId, visibility.jobIds)
      : refuse({ reason: "job_gone", jobId: gone.job.id, since: gone.gone?.since ?? null });
  };
  const mustSeeJob = (jobId: string): void => {
    if (viewOf(engine.findJob(jobId)) === null) throw notFound(jobId);
  };
  const mustSeeRun = (runId: RunId): void => {
    if (!redaction.seesRun(runId)) throw runNotFound(runId);
  };
  const mustSeeBackfill = (backfillId: string): void => {
    const backfill = store.backfills.find(backfillId);
    if (backfill !== null && sees(backfill.jobId)) return;
    if (backfill !== null) noteHidden();
    throw backfillNotFound(backfillId);
  };
  /** Calls a method for a job or a run of the person. An error says nothing about other jobs. */
  const checked = async <Result>(check: () => void, call: () => Promise<Result>): Promise<Result> => {
    check();
    try {
      return await call();
    } catch (error) {
      throw withoutOthers(error, { sees, seesRun: (runId) => redaction.seesRun(runId) });
    }
  };
  return {
    get state() {
      return engine.state;
    },
    get phase() {
      return engine.phase;
    },
    get started() {
      return engine.started;
    },
    get schedulerPause() {
      return engine.schedulerPause;
    },
    get dispatch() {
      return engine.dispatch;
    },
    get knownJobs() {
      return engine.knownJobs.filter(({ id }) => sees(id));
    },
    get refusedWebhooks() {
      return new Map([...engine.refusedWebhooks].filter(([jobId]) => sees(jobId)));
    },
    get expectations() {
      return [...engine.expectations].filter(isOfPerson);
    },
    // A file can have several jobs, and its problems can name others.
    problems: [],
    heartbeat: null,
    // Its counts are those of all runs.
    traces: null,
    backup: null,
    get limitSupport() {
      return engine.limitSupport;
    },
    get queues() {
      return engine.queuesOf(visibility.jobIds);
    },
    shutGates: (jobId) => (sees(jobId) ? engine.shutGates(jobId).filter((gate) => !isHidden(gate)) : []),
    queuesOf: (jobIds) => engine.queuesOf(visibility.within(jobIds)),
    queueRuns: (name, jobIds = null) => engine.queueRuns(name, visibility.within(jobIds)),
    get workers() {
      return engine.workers.map((worker) => ({ ...worker, attempts: worker.attempts.filter(isOfPerson) }));
    },
    listWorkerWaits: (runId) => engine.listWorkerWaits(runId).filter(isOfPerson),
    listBlockedAttempts: (runId) => engine.listBlockedAttempts(runId).filter(isOfPerson),
    get counts() {
      const { running, pending } = engine.activity(visibility.jobIds);
      return { running, pending };
    },
    activity: (jobIds = null) => engine.activity(visibility.within(jobIds)),
    health: () => healthOf(engine.health(), sees),

    listJobs: () => views(engine.listJobs()),
    findJob: (jobId) => withGates(viewOf(engine.findJob(jobId))),
    listGoneJobs: () => views(engine.listGoneJobs()),
    findGoneJob: (jobId) => viewOf(engine.findGoneJob(jobId)),
    jobNotFound: notFound,
    currentJobId: (jobId) => viewOf(engine.findJob(jobId) ?? engine.findGoneJob(jobId))?.job.id ?? jobId,
    nextOccurrences: (jobId, count, bounds) => (sees(jobId) ? engine.nextOccurrences(jobId, count, bounds) : []),

    trigger: (jobId, request) =>
      checked(
        () => mustSeeJob(jobId),
        () => engine.trigger(jobId, request),
      ),
    planBackfill: (request) =>
      checked(
        () => mustSeeJob(request.jobId),
        () => engine.planBackfill(request),
      ),
    createBackfill: (request) =>
      checked(
        () => mustSeeJob(request.jobId),
        () => engine.createBackfill(request),
      ),
    changeBackfill: (backfillId, change, by) =>
      checked(
        () => mustSeeBackfill(backfillId),
        () => engine.changeBackfill(backfillId, change, by),
      ),
    replayDelivery: (deliveryId, by) =>
      checked(
        () => {
          const delivery = store.deliveries.find(deliveryId);
          if (delivery !== null && sees(delivery.jobId)) return;
          if (delivery !== null) noteHidden();
          throw deliveryNotFound(deliveryId);
        },
        async () => redaction.ofDelivery(await engine.replayDelivery(deliveryId, by)),
      ),
    testWebhook: (jobId, test) =>
      checked(
        () => mustSeeJob(jobId),
        () => engine.testWebhook(jobId, test),
      ),
    testNotifications: (jobId, signal) =>
      checked(
        () => mustSeeJob(jobId),
        async () => {
          const tested = await engine.testNotifications(jobId, signal);
          mustSeeJob(jobId);
          return tested;
        },
      ),
    pauseJob: (jobId, by) =>
      checked(
        () => mustSeeJob(jobId),
        () => engine.pauseJob(jobId, by),
      ),
    resumeJob: (jobId, by) =>
      checked(
        () => mustSeeJob(jobId),
        () => engine.resumeJob(jobId, by),
      ),
    cancel: (runId, by) =>
      checked(
        () => mustSeeRun(runId),
        async () => redaction.ofRun(await engine.cancel(runId, by)),
      ),
    retry: (runId, scope, by) =>
      checked(
        () => mustSeeRun(runId),
        async () => redaction.ofRun(await engine.retry(runId, scope, by)),
      ),
    decide: (runId, taskId, decision) =>
      checked(
        () => mustSeeRun(runId),
        () => engine.decide(runId, taskId, decision),
      ),
    waitForRun: (runId, options) =>
      checked(
        () => mustSeeRun(runId),
        async () => {
          const run = await engine.waitForRun(runId, options);
          // The job may have become one of others meanwhile.
          mustSeeRun(runId);
          return redaction.ofRun(run);
        },
      ),
    canRetry: (run) => engine.canRetry(run),

    listAttention: async (limit, jobIds = null) => {
      const list = await engine.listAttention(limit, visibility.within(jobIds));
      return { ...list, items: list.items.map((entry) => redaction.ofEntry(entry)) };
    },
    findAttention: async (entryId, jobIds = null) =>
      redaction.ofEntry(await engine.findAttention(entryId, visibility.within(jobIds))),
    changeAttention: async (entryId, change, by, jobIds = null) =>
      redaction.ofEntry(await engine.changeAttention(entryId, change, by, visibility.within(jobIds))),
    review: async (query) => {
      const review = await engine.review({ ...query, jobIds: visibility.within(query.jobIds) });
      const jobs = query.jobIds === null ? engine.listJobs().filter(({ job }) => sees(job.id)).length : review.jobs;
      return { ...redaction.ofReview(review), jobs };
    },

    waitsFor: (runId) => redaction.ofWait(engine.waitsFor(runId)),
    waitingFor: (runId) => engine.waitingFor(runId),
    listWaiting: (code) => engine.listWaiting(code).filter((runId) => redaction.seesRun(runId)),
    waitingTasks: (runId) => engine.waitingTasks(runId),
    storeAction: () => engine.storeAction(),
    openArtifact: (artifact) => engine.openArtifact(artifact),
    artifactFile: (artifact) => engine.artifactFile(artifact),

    onEvent: (listener) =>
      engine.onEvent((event) => {
        if (isEventOf(event, visibility)) listener(event);
      }),
    // A job that the person may no longer know of ends the streams of its runs.
    onOutput: (runId, listener) => {
      const removeOutput = engine.onOutput(runId, listener);
      const removeEvents = engine.onEvent(({ type }) => {
        if (type === "jobs.reloaded") listener();
      });
      return () => {
        removeOutput();
        removeEvents();
      };
    },
    onSending: (listener) => engine.onSending(listener),
    onDispatched: (listener) => engine.onDispatched(listener),

    // These have no person, or concern all jobs: their routes refuse whoever is limited to some.
    receiveWebhook: refused,
    hasWebhook: () => false,
    testDigest: refused,
    pause: refused,
    resume: refused,
    reload: refused,
    drainWorker: refused,
    resumeWorker: refused,
    forgetWorker: refused,
  };
};

const refused = (): Promise<never> =>
  Promise.reject(new Error("a request that is limited to some jobs has reached what concerns all of them"));

/** That petit is degraded is said to everybody; why only if it is about a job of the person, or about the database. */
const healthOf = ({ status, reasons }: Health, sees: (jobId: JobId | null) => boolean): Health => ({
  status,
  reasons: reasons.filter((reason) => isShown(reason, sees)),
});

const isShown = (reason: HealthReason, sees: (jobId: JobId | null) => boolean): boolean => {
  switch (reason.code) {
    case "job_file_broken":
    case "reload_failed":
    case "jobs_commit_refused":
    case "jobs_repository_failed":
    case "backup_failed":
      return false;
    case "notifications_undelivered":
    case "internal_error":
      return sees(reason.jobId);
    case "disk_full":
    case "database_locked":
    case "database_deleted":
    case "database_replaced":
    case "database_unwritable":
      return true;
    default:
      return assertNever(reason);
  }
};

type Sight = { readonly sees: (jobId: JobId) => boolean; readonly seesRun: (runId: RunId) => boolean };

/** Returns an error without other jobs: their gates, and the run for which an idempotency key was used. */
const withoutOthers = (error: unknown, { sees, seesRun }: Sight): unknown => {
  if (!(error instanceof PetitError) || error.details === null) return error;
  const { details } = error;
  if (details.reason === "gates_shut") {
    const gates = details.gates.filter(({ jobId }) => sees(jobId));
    if (gates.length === details.gates.length) return error;
    return gates.length === 0
      ? new PetitError(error.code, "dependency not satisfied: a gate of the job is shut")
      : refuse({ reason: "gates_shut", gates });
  }
  if (details.reason === "idempotency_key_reused" && !seesRun(details.runId))
    return new PetitError(error.code, error.message);
  return error;
};
