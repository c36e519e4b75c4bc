import { useState } from "react";
import type { AskingTask } from "../../domain/words/attention.ts";
import { paramsText } from "../../domain/words/run-facts.ts";
import { DECISIONS } from "../actions/decisions.ts";
import { DecisionDialog } from "../actions/dialogs.ts";
import type { RunDetail, TaskRunData } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Time } from "../ui/time/time.tsx";

type RunApprovalsProps = {
  readonly run: Pick<RunDetail, "id" | "job_id" | "params">;
  readonly tasks: readonly TaskRunData[];
  readonly name: string;
};

type Asked = { readonly kind: "approve" | "reject"; readonly task: AskingTask };

/** The tasks of a run that wait for approval, with buttons that decide. */
export const RunApprovals = ({ run, tasks, name }: RunApprovalsProps) => {
  const [asked, setAsked] = useState<Asked | null>(null);
  const asking = tasks.filter(({ approval, status }) => approval !== null && status === "running");
  return (
    <>
      {asking.map((task) => (
        <div key={task.task_id} className="run-approval" data-approval={task.task_id}>
          <p>
            <strong>{task.name}</strong> waits for approval
            {task.approval?.prompt != null && `: ${task.approval.prompt}`}
            {task.approval?.expires_at != null && (
              <span className="muted">
                {" "}
                {task.approval.on_timeout === "approve" ? "Approved" : "Rejected"} automatically at{" "}
                <Time at={task.approval.expires_at} />
              </span>
            )}
          </p>
          {DECISIONS.map(({ kind, label, button }) => (
            <ActionButton
              needs="operator"
              key={kind}
              isOnce
              kind={button}
              onClick={() =>
                setAsked({
                  kind,
                  task: {
                    jobId: run.job_id,
                    runId: run.id,
                    taskId: task.task_id,
                    taskName: task.name,
                    prompt: task.approval?.prompt ?? null,
                    params: paramsText(run.params),
                  },
                })
              }
            >
              {label}
            </ActionButton>
          ))}
        </div>
      ))}
      {asked !== null && <DecisionDialog {...asked} name={name} onClose={() => setAsked(null)} />}
    </>
  );
};
