import type { Client } from "../../../client/client.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import { assertNever } from "../../../lib/never.ts";
import type { Message } from "../state/message.ts";
import type { TopAction } from "../state/state.ts";

/** Does what a person has confirmed. Returns the message with the result. */
export const act = async (client: Client, action: TopAction): Promise<Message> => {
  try {
    return await request(client, action);
  } catch (error) {
    return { kind: "failed", text: errorMessage(error) };
  }
};

const request = async (client: Client, action: TopAction): Promise<Message> => {
  switch (action.kind) {
    case "trigger": {
      const { jobId, params } = action;
      return started(await client.post("/api/jobs/:job_id/trigger", { params: { job_id: jobId }, body: { params } }));
    }
    case "retry": {
      const { scope } = action;
      const query = scope.kind === "all" ? { from: "start" } : {};
      const body = scope.kind === "task" || scope.kind === "from" ? { [scope.kind]: scope.taskId } : {};
      return started(await client.post("/api/runs/:run_id/retry", { params: { run_id: action.runId }, query, body }));
    }
    case "approve":
    case "reject": {
      const params = { run_id: action.runId, task_id: action.taskId };
      const body = action.comment === "" ? {} : { comment: action.comment };
      return done(await client.post(`/api/runs/:run_id/tasks/:task_id/${action.kind}`, { params, body }));
    }
    case "cancel":
      return done(await client.post("/api/runs/:run_id/cancel", { params: { run_id: action.runId } }));
    case "pause":
      return done(
        action.jobId === null
          ? await client.post("/api/scheduler/pause")
          : await client.post("/api/jobs/:job_id/pause", { params: { job_id: action.jobId } }),
      );
    case "resume":
      return done(
        action.jobId === null
          ? await client.post("/api/scheduler/resume")
          : await client.post("/api/jobs/:job_id/resume", { params: { job_id: action.jobId } }),
      );
    case "reload":
      return done(await client.post("/api/jobs/reload"));
    case "acknowledge": {
      const params = { entry_id: action.entryId };
      await client.post("/api/attention/:entry_id/acknowledge", { params, body: {} });
      return done({ message: "it is acknowledged" });
    }
    case "snooze": {
      const params = { entry_id: action.entryId };
      const body = action.forMs === null ? { until_change: true } : { for_ms: action.forMs };
      await client.post("/api/attention/:entry_id/snooze", { params, body });
      return done({ message: "it is snoozed" });
    }
    case "unhandle": {
      const params = { entry_id: action.entryId };
      await client.delete("/api/attention/:entry_id/snooze", { params });
      await client.delete("/api/attention/:entry_id/acknowledge", { params });
      return done({ message: "it is no longer acknowledged" });
    }
    default:
      return assertNever(action);
  }
};

const done = ({ message }: { readonly message: string }): Message => ({ kind: "done", text: message, run: null });

type Started = { readonly message: string; readonly job_id: string; readonly run_id: string };

const started = ({ message, job_id, run_id }: Started): Message => ({
  kind: "done",
  text: message,
  run: { jobId: job_id, runId: run_id },
});
