import { type UseMutationOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { petit } from "./client.ts";

declare module "@tanstack/react-query" {
  interface Register {
    /** What a notice says when it is done, and above the reason where petit refuses: nothing where it isn't given. */
    mutationMeta: { readonly done?: string; readonly failed?: string };
  }
}

/**
 * `useMutation`, one at a time: what is asked for again before petit has answered is left out. A second click, or a key
 * that is held, comes before the page has drawn that it is busy.
 */
const useAction = <Data, Given>(options: UseMutationOptions<Data, Error, Given>) => {
  const isUnderWay = useRef(false);
  const { mutate, isPending } = useMutation<Data, Error, Given>({
    ...options,
    onSettled: (...settled) => {
      isUnderWay.current = false;
      return options.onSettled?.(...settled);
    },
  });
  const once: typeof mutate = (...given) => {
    if (isUnderWay.current) return;
    isUnderWay.current = true;
    mutate(...given);
  };
  return { mutate: once, isPending };
};

type Params = Readonly<Record<string, string>>;

/**
 * `mutate({ jobId, params })`: runs a job now; its answer has the `run_id`. With `isFailureShown`, what calls it shows
 * itself why petit refuses.
 */
export const useTrigger = ({ isFailureShown = false }: { readonly isFailureShown?: boolean } = {}) =>
  useAction({
    mutationFn: ({ jobId, params = {} }: { readonly jobId: string; readonly params?: Params }) =>
      petit.post("/api/jobs/:job_id/trigger", { params: { job_id: jobId }, body: { params } }),
    meta: isFailureShown ? {} : { failed: "The job was not run" },
  });

/** `mutate(runId)`: ends a run; a second time ends its clean-up tasks too. */
export const useCancelRun = () =>
  useAction({
    mutationFn: (runId: string) => petit.post("/api/runs/:run_id/cancel", { params: { run_id: runId } }),
    meta: { done: "The run is being cancelled", failed: "The run was not cancelled" },
  });

/** `mutate({ runId, fromStart })`: a new run of what did not complete, or of everything; its answer has the `run_id`. */
export const useRetryRun = () =>
  useAction({
    mutationFn: ({ runId, fromStart = false }: { readonly runId: string; readonly fromStart?: boolean }) =>
      petit.post("/api/runs/:run_id/retry", { params: { run_id: runId }, query: fromStart ? { from: "start" } : {} }),
    meta: { failed: "The run was not retried" },
  });

/** `mutate(true)` pauses the scheduler, `mutate(false)` resumes it. */
export const usePause = () => {
  const client = useQueryClient();
  return useAction({
    mutationFn: (isPaused: boolean) => petit.post(isPaused ? "/api/scheduler/pause" : "/api/scheduler/resume"),
    onSettled: () => client.invalidateQueries({ queryKey: ["scheduler"] }),
    meta: { failed: "The scheduler goes on as before" },
  });
};

/** Has petit read its job files again; its answer has the `problems` it found. */
export const useReload = () => {
  const client = useQueryClient();
  return useAction({
    mutationFn: () => petit.post("/api/jobs/reload"),
    onSettled: () => client.invalidateQueries(),
    meta: { failed: "The job files were not read" },
  });
};
