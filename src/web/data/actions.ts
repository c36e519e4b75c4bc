import { type UseMutationOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import type { ParamValues } from "../../domain/run.ts";
import { deliveryText } from "../../domain/words/deliveries/delivery.ts";
import { capital } from "../ui/text/format.ts";
import { petit } from "./client.ts";
import { noticeStore } from "./notice-store.ts";
import type { AskedBackfill } from "./queries.ts";

declare module "@tanstack/react-query" {
  interface Register {
    /** Text of the notice after success, and title of the notice after a failure. Without a text, no notice is shown. */
    mutationMeta: { readonly done?: string; readonly failed?: string };
  }
}

/**
 * Wraps `useMutation` and ignores calls while one is pending: a second click or a repeated key can arrive before the page
 * has rendered the busy state.
 */
export const useAction = <Data, Variables>(mutation: UseMutationOptions<Data, Error, Variables>) => {
  const isLocked = useRef(false);
  const { mutate, isPending } = useMutation<Data, Error, Variables>({
    ...mutation,
    onSettled: (...settled) => {
      isLocked.current = false;
      return mutation.onSettled?.(...settled);
    },
  });
  const once: typeof mutate = (...given) => {
    if (isLocked.current) return;
    isLocked.current = true;
    mutate(...given);
  };
  return { mutate: once, isPending };
};

/** Triggers a job; the result has the `run_id`. With `isFailureShown`, the caller shows the error and no notice appears. */
export const useTrigger = ({ isFailureShown = false }: { readonly isFailureShown?: boolean } = {}) =>
  useAction({
    mutationFn: ({ jobId, params = {} }: { readonly jobId: string; readonly params?: ParamValues }) =>
      petit.post("/api/jobs/:job_id/trigger", { params: { job_id: jobId }, body: { params } }),
    meta: isFailureShown ? {} : { failed: "The job was not run" },
  });

/** Cancels a run. A second cancel also ends its clean-up tasks. */
export const useCancelRun = () =>
  useAction({
    mutationFn: cancelRun,
    meta: { done: "The run is being cancelled" },
  });

export const cancelRun = (runId: string) => petit.post("/api/runs/:run_id/cancel", { params: { run_id: runId } });

type Decision = {
  readonly kind: "approve" | "reject";
  readonly runId: string;
  readonly taskId: string;
  /** Empty if there is none. */
  readonly comment: string;
};

/** Approves or rejects a task that waits for approval. The caller shows a failure. */
export const useDecide = () =>
  useAction({
    mutationFn: ({ kind, runId, taskId, comment }: Decision) =>
      petit.post(`/api/runs/:run_id/tasks/:task_id/${kind}`, {
        params: { run_id: runId, task_id: taskId },
        body: comment === "" ? {} : { comment },
      }),
    onSuccess: ({ message }) => noticeStore.show({ text: capital(message) }),
    meta: {},
  });

type RetryRequest = {
  readonly runId: string;
  readonly scope: { readonly kind: "rest" | "all" } | { readonly kind: "task" | "from"; readonly taskId: string };
  /** True to use the commit in use instead of that of the run. Default false. */
  readonly isLatest?: boolean;
};

/** Retries tasks of a run; the result has the `run_id` of the new run. */
export const useRetryRun = ({ isFailureShown = false }: { readonly isFailureShown?: boolean } = {}) =>
  useAction({
    mutationFn: retryRun,
    meta: isFailureShown ? {} : { failed: "The run was not retried" },
  });

export const retryRun = ({ runId, scope, isLatest = false }: RetryRequest) =>
  petit.post("/api/runs/:run_id/retry", {
    params: { run_id: runId },
    query: scope.kind === "all" ? { from: "start" } : {},
    body: { ...("taskId" in scope && { [scope.kind]: scope.taskId }), ...(isLatest && { latest: true }) },
  });

/** Pauses the scheduler with `mutate(true)` and resumes it with `mutate(false)`. */
export const usePause = () => {
  const client = useQueryClient();
  return useAction({
    mutationFn: (isPaused: boolean) => petit.post(isPaused ? "/api/scheduler/pause" : "/api/scheduler/resume"),
    onSettled: () => client.invalidateQueries({ queryKey: ["scheduler"] }),
    meta: { failed: "The scheduler was not changed" },
  });
};

/** Starts a backfill. The caller shows a failure. */
export const useCreateBackfill = () => {
  const client = useQueryClient();
  return useAction({
    mutationFn: async (request: AskedBackfill) => {
      const backfill = await petit.post("/api/backfills", { body: request });
      if ("occurrences" in backfill) throw new Error("petit has answered with a plan");
      return backfill;
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["backfills"] }),
    meta: {},
  });
};

type BackfillChange = { readonly id: string; readonly change: "pause" | "resume" | "cancel" };

/** Pauses, resumes or cancels a backfill. With `isFailureShown`, the caller shows the error and no notice appears. */
export const useChangeBackfill = ({ isFailureShown = false }: { readonly isFailureShown?: boolean } = {}) => {
  const client = useQueryClient();
  return useAction({
    mutationFn: ({ id, change }: BackfillChange) =>
      petit.post(`/api/backfills/:backfill_id/${change}`, { params: { backfill_id: id } }),
    onSuccess: ({ status }) => noticeStore.show({ text: `The backfill is ${status}` }),
    onSettled: () =>
      client.invalidateQueries({ predicate: ({ queryKey: [noun] }) => noun === "backfills" || noun === "backfill" }),
    meta: isFailureShown ? {} : { failed: "The backfill was not changed" },
  });
};

/** Starts a run of a delivery again. */
export const useReplay = () =>
  useAction({
    mutationFn: (deliveryId: string) =>
      petit.post("/api/deliveries/:delivery_id/replay", { params: { delivery_id: deliveryId } }),
    onSuccess: (delivery) => noticeStore.show({ text: capital(deliveryText(delivery)) }),
    meta: { failed: "The event was not replayed" },
  });

/** Pauses the schedule of a job, or resumes it. */
export const usePauseJob = () => {
  const client = useQueryClient();
  return useAction({
    mutationFn: ({ jobId, isPaused }: { readonly jobId: string; readonly isPaused: boolean }) =>
      petit.post(isPaused ? "/api/jobs/:job_id/pause" : "/api/jobs/:job_id/resume", { params: { job_id: jobId } }),
    onSuccess: ({ message }) => noticeStore.show({ text: capital(message) }),
    onSettled: () =>
      client.invalidateQueries({ predicate: ({ queryKey: [noun] }) => noun === "jobs" || noun === "job" }),
    meta: { failed: "The job was not changed" },
  });
};

/** Sends a test to all receivers of a job's notifications. */
export const useTestNotifications = () => {
  const client = useQueryClient();
  return useAction({
    /** Null is the digest. */
    mutationFn: (jobId: string | null) =>
      jobId === null
        ? petit.post("/api/digest/test", {})
        : petit.post("/api/jobs/:job_id/notify/test", { params: { job_id: jobId } }),
    onSuccess: ({ results }) => {
      const failed = results.filter(({ delivered }) => !delivered);
      noticeStore.show({
        text:
          results.length === 0
            ? "The job notifies nobody"
            : failed.length === 0
              ? "Each receiver accepted the test"
              : failed.map(({ type, target, answer }) => `${type} ${target}: ${answer}`).join("; "),
      });
    },
    onSettled: () => client.invalidateQueries({ predicate: ({ queryKey: [noun] }) => noun === "notifications" }),
    meta: { failed: "No test was sent" },
  });
};

type Handling = {
  /** Id of the entry. */
  readonly id: string;
  /** For how long to snooze it; null to acknowledge it. */
  readonly snooze: { readonly for_ms: number } | { readonly until: number } | { readonly until_change: boolean } | null;
  readonly note: string;
  readonly owner: string;
  /** What people had said about it when the user saw it. An older petit does not send it. */
  readonly version: string | undefined;
};

/** Acknowledges or snoozes what needs attention. The caller shows a failure. */
export const useHandleAttention = () => {
  const client = useQueryClient();
  return useAction({
    mutationFn: async ({ id, snooze, note, owner, version }: Handling) => {
      const params = { entry_id: id };
      const expected = (seen: string | undefined) => (seen === undefined ? {} : { expected_version: seen });
      if (snooze === null) {
        const body = { note, owner, ...expected(version) };
        return await petit.post("/api/attention/:entry_id/acknowledge", { params, body });
      }
      const owned = await petit.post("/api/attention/:entry_id/owner", {
        params,
        body: { owner, ...expected(version) },
      });
      const body = { ...snooze, note, ...expected(owned.mark_version) };
      return await petit.post("/api/attention/:entry_id/snooze", { params, body });
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["attention"] }),
  });
};

/** Takes back that something is acknowledged or snoozed. */
export const useUnhandleAttention = () => {
  const client = useQueryClient();
  return useAction({
    mutationFn: async (id: string) => {
      const params = { entry_id: id };
      await petit.delete("/api/attention/:entry_id/snooze", { params });
      return await petit.delete("/api/attention/:entry_id/acknowledge", { params });
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["attention"] }),
    meta: { failed: "The acknowledgement was not taken back" },
  });
};

type WorkerChange = { readonly kind: "drain" | "resume" | "forget"; readonly name: string };

/** Drains, resumes or forgets a worker. The caller shows a failure. */
export const useChangeWorker = () => {
  const client = useQueryClient();
  return useAction({
    mutationFn: ({ kind, name }: WorkerChange) =>
      kind === "forget"
        ? petit.delete("/api/workers/:name", { params: { name } })
        : petit.post(`/api/workers/:name/${kind}`, { params: { name } }),
    onSuccess: ({ message }) => noticeStore.show({ text: capital(message) }),
    onSettled: () =>
      client.invalidateQueries({ predicate: ({ queryKey: [noun] }) => noun === "workers" || noun === "attention" }),
    meta: {},
  });
};

export type RepositoryChange = { readonly kind: "sync" | "follow" } | { readonly kind: "pin"; readonly commit: string };

/** Fetches the repository with the job files, uses a commit and stays with it, or follows the newest one again. */
export const useChangeRepository = ({ isFailureShown = false }: { readonly isFailureShown?: boolean } = {}) => {
  const client = useQueryClient();
  return useAction({
    mutationFn: (change: RepositoryChange) =>
      change.kind === "pin"
        ? petit.post("/api/jobs/pin", { body: { commit: change.commit } })
        : petit.post(`/api/jobs/${change.kind}`),
    onSuccess: ({ message }) => noticeStore.show({ text: capital(message) }),
    onSettled: () => client.invalidateQueries(),
    meta: isFailureShown ? {} : { failed: "The repository was not fetched" },
  });
};

/** Reloads the job files; the result has the `problems` that petit found. */
export const useReload = () => {
  const client = useQueryClient();
  return useAction({
    mutationFn: () => petit.post("/api/jobs/reload"),
    onSettled: () => client.invalidateQueries(),
    meta: { failed: "The job files were not reloaded" },
  });
};
