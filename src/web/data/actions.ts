import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answerOf, petit } from "./client.ts";

type Params = Readonly<Record<string, string>>;

/** `mutate({ jobId, params })`: runs a job now; its answer has the `run_id`. */
export const useTrigger = () =>
  useMutation({
    mutationFn: ({ jobId, params = {} }: { readonly jobId: string; readonly params?: Params }) =>
      answerOf(petit.api.jobs({ job_id: jobId }).trigger.post({ params }, { headers: {} })),
  });

/** `mutate(runId)`: ends a run; a second time ends its clean-up tasks too. */
export const useCancelRun = () =>
  useMutation({ mutationFn: (runId: string) => answerOf(petit.api.runs({ run_id: runId }).cancel.post()) });

/** `mutate({ runId, fromStart })`: a new run of what did not complete, or of everything; its answer has the `run_id`. */
export const useRetryRun = () =>
  useMutation({
    mutationFn: ({ runId, fromStart = false }: { readonly runId: string; readonly fromStart?: boolean }) =>
      answerOf(petit.api.runs({ run_id: runId }).retry.post(null, { query: fromStart ? { from: "start" } : {} })),
  });

/** `mutate(true)` pauses the scheduler, `mutate(false)` resumes it. */
export const usePause = () => {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (isPaused: boolean) =>
      answerOf(isPaused ? petit.api.scheduler.pause.post() : petit.api.scheduler.resume.post()),
    onSettled: () => client.invalidateQueries({ queryKey: ["scheduler"] }),
  });
};

/** Has petit read its job files again; its answer has the `problems` it found. */
export const useReload = () => {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => answerOf(petit.api.jobs.reload.post()),
    onSettled: () => client.invalidateQueries(),
  });
};
