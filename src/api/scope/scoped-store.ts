import type { JobId } from "../../domain/ids.ts";
import { runNotFound } from "../../domain/refusal.ts";
import { noteHidden } from "../../store/people/audit-scope.ts";
import type { RunPage } from "../../store/runs/run-list.ts";
import type { ApiStore } from "../options.ts";
import type { Redaction } from "./redact.ts";
import type { Visibility } from "./visibility.ts";

type Scoped = { readonly visibility: Visibility; readonly redaction: Redaction };

const NO_RUNS: RunPage = { runs: [], next: null };

/**
 * Returns a store in which only the jobs of a person exist. Lists and counts are limited in their statements. What is read of a run or of a
 * version needs no check of its own: a route has found the run, or the job, here before.
 */
export const scopedStore = (store: ApiStore, { visibility, redaction }: Scoped): ApiStore => {
  const isOfPerson = ({ jobId }: { readonly jobId: JobId }): boolean => visibility.has(jobId);
  /** Notes for the audit log if something is there, but not for the person. */
  const isShown = <Each extends { readonly jobId: JobId }>(found: Each | null): found is Each => {
    if (found === null || isOfPerson(found)) return found !== null;
    noteHidden();
    return false;
  };
  const idsOf = (jobIds: readonly JobId[] | null): readonly JobId[] => [...visibility.within(jobIds)];
  const isHiddenRun = (runId: Parameters<ApiStore["runs"]["find"]>[0]): boolean => !redaction.seesRun(runId);
  return {
    jobs: store.jobs,
    versions: store.versions,
    runs: {
      findRecovery: store.runs.findRecovery,
      listCompletedDurations: store.runs.listCompletedDurations,
      listUsage: store.runs.listUsage,
      listUsageOf: store.runs.listUsageOf,
      countItems: store.runs.countItems,
      getTaskHistory: store.runs.getTaskHistory,
      listRetries: store.runs.listRetries,
      findNthEndAfter: store.runs.findNthEndAfter,
      find: (runId) => {
        const run = store.runs.find(runId);
        return isShown(run) ? redaction.ofRun(run) : null;
      },
      findSuccessBefore: (run) => {
        const found = store.runs.findSuccessBefore(run);
        return found === null ? null : redaction.ofRun(found);
      },
      describeFailure: (runId) => redaction.ofFailure(runId, store.runs.describeFailure(runId)),
      listPage: ({ jobId, jobIds, before, ...filter }) => {
        if (before !== undefined && isHiddenRun(before)) throw runNotFound(before);
        if (filter.parent !== undefined && isHiddenRun(filter.parent)) return NO_RUNS;
        const own = idsOf(jobIds ?? null).filter((each) => jobId === undefined || each === jobId);
        const page = store.runs.listPage({
          ...filter,
          ...(before !== undefined && { before }),
          // The runs of one job have their own indexes.
          ...(jobId !== undefined && own.length === 1 ? { jobId } : { jobIds: own }),
        });
        return { ...page, runs: page.runs.map((run) => redaction.ofRun(run)) };
      },
      listUnfinished: () =>
        store.runs.listUnfinished().flatMap((run) => (isOfPerson(run) ? [redaction.ofRun(run)] : [])),
      listTaskRuns: (runId) => store.runs.listTaskRuns(runId).map((task) => redaction.ofStarter(task)),
      listAttempts: (runId) =>
        store.runs
          .listAttempts(runId)
          .map((attempt) => ({ ...redaction.ofStarter(attempt), cause: redaction.ofCause(attempt.cause) })),
      listItems: (query) =>
        store.runs.listItems(query).map((item) => {
          const { runId, taskId } = query;
          const { reason, error, childRunId } = item;
          const shown = redaction.ofStarter({ runId, taskId, reason, error, childRunId });
          return { ...item, childRunId: shown.childRunId, error: shown.error };
        }),
      listItemAttempts: (...query) =>
        store.runs
          .listItemAttempts(...query)
          .map((attempt) => ({ ...redaction.ofStarter(attempt), cause: redaction.ofCause(attempt.cause) })),
      listFailedItems: (runId, taskId) =>
        store.runs.listFailedItems(runId, taskId).map((item) => {
          const { reason, error, cause } = item;
          const shown = redaction.ofStarter({ runId, taskId, reason, error, childRunId: null });
          return { ...item, cause: redaction.ofCause(cause), error: shown.error };
        }),
      listEndedSpans: (query) => store.runs.listEndedSpans(query).filter(isOfPerson),
      estimateEndedByJob: (after, until) =>
        new Map([...store.runs.estimateEndedByJob(after, until)].filter(([jobId]) => visibility.has(jobId))),
      countEndedByStatus: (from, jobIds = null) => store.runs.countEndedByStatus(from, idsOf(jobIds)),
      listRecentByJob: (limit) =>
        new Map([...store.runs.listRecentByJob(limit)].filter(([jobId]) => visibility.has(jobId))),
    },
    durations: store.durations,
    deliveries: {
      listFiles: store.deliveries.listFiles,
      findNthUnfired: store.deliveries.findNthUnfired,
      find: (deliveryId) => {
        const delivery = store.deliveries.find(deliveryId);
        return isShown(delivery) ? redaction.ofDelivery(delivery) : null;
      },
      findEvent: (deliveryId) => {
        const delivery = store.deliveries.find(deliveryId);
        if (delivery === null || redaction.hidesEvent(delivery)) return null;
        return store.deliveries.findEvent(deliveryId);
      },
      list: ({ jobId, ...filter }) =>
        store.deliveries
          .list({ ...filter, jobIds: idsOf(jobId === undefined ? (filter.jobIds ?? null) : [jobId]) })
          .map((delivery) => redaction.ofDelivery(delivery)),
      listUnfiredSpans: (from, to) => store.deliveries.listUnfiredSpans(from, to).filter(isOfPerson),
      countUnfired: ({ from, to, jobIds }) => store.deliveries.countUnfired({ from, to, jobIds: idsOf(jobIds) }),
    },
    backfills: {
      find: (backfillId) => {
        const backfill = store.backfills.find(backfillId);
        return isShown(backfill) ? backfill : null;
      },
      list: ({ jobId, ...filter }) =>
        store.backfills.list({ ...filter, jobIds: idsOf(jobId === undefined ? (filter.jobIds ?? null) : [jobId]) }),
      listUnended: () => store.backfills.listUnended().filter(isOfPerson),
    },
    output: {
      getNewestSeq: store.output.getNewestSeq,
      countLines: store.output.countLines,
      findLineSeq: store.output.findLineSeq,
      // A stream reads on for as long as the job may be known.
      read: (query) => (isHiddenRun(query.runId) ? [] : store.output.read(query)),
    },
    artifacts: {
      list: store.artifacts.list,
      find: store.artifacts.find,
      getTotals: (jobIds = null) => store.artifacts.getTotals(idsOf(jobIds)),
    },
    occurrences: {
      find: store.occurrences.find,
      list: store.occurrences.list,
      findNthUnfired: store.occurrences.findNthUnfired,
      listUnfiredSpans: (from, to) => store.occurrences.listUnfiredSpans(from, to).filter(isOfPerson),
      countByOutcome: ({ from, to, jobIds }) => store.occurrences.countByOutcome({ from, to, jobIds: idsOf(jobIds) }),
    },
    notes: store.notes,
    notifications: {
      list: (filter) => store.notifications.list({ ...filter, jobIds: idsOf(filter.jobIds ?? null) }),
      countWaiting: (jobIds = null) => store.notifications.countWaiting(idsOf(jobIds)),
    },
    // Only admins who are not limited read it.
    audit: { list: () => ({ rows: [], next: null }), addDenied: store.audit.addDenied },
    events: {
      after: (seq, limit) => store.events.after(seq, limit).filter(({ jobId }) => visibility.has(jobId)),
      getNewestSeq: () => store.events.getNewestSeq(),
    },
    sizeBytes: () => store.sizeBytes(),
    sqliteVersion: () => store.sqliteVersion(),
  };
};
