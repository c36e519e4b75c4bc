import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { CancelDialog } from "../../actions/cancel-dialog.tsx";
import { DecisionDialog } from "../../actions/decision-dialog.tsx";
import { RetryDialog } from "../../actions/retry-dialog.tsx";
import { attentionQuery } from "../../data/queries.ts";
import { useJobName } from "../../data/selected.ts";
import type { AttentionItem } from "../../data/shapes.ts";
import { Button } from "../../ui/button.tsx";
import { failureText } from "../../ui/states.tsx";
import { StatusIcon } from "../../ui/status/status.tsx";
import "./attention.css";
import { type AskedChange, AttentionRow } from "./attention-row.tsx";

/** More items are shown on request. */
const SHOWN = 8;

/** Lists what needs attention, the most urgent first. One quiet line if nothing does. */
export const AttentionPanel = () => {
  const { data, error } = useQuery(attentionQuery());
  const [isWhole, setWhole] = useState(false);
  const [asked, setAsked] = useState<AskedChange | null>(null);
  if (data === undefined) {
    return (
      <p className="attention-none muted" role="status">
        {error === null ? "Looking for problems …" : `Could not look for problems: ${failureText(error)}`}
      </p>
    );
  }
  if (data.items.length === 0) {
    return (
      <p className="attention-none muted" role="status">
        <StatusIcon of="completed" /> Nothing needs attention.
      </p>
    );
  }
  const total = Object.values(data.counts).reduce((sum, count) => sum + count, 0);
  const shown = isWhole ? data.items : data.items.slice(0, SHOWN);
  return (
    <section className="card attention" aria-labelledby="attention">
      <h2 id="attention">
        Needs attention <span className="muted">{total.toLocaleString()}</span>
      </h2>
      <ul className="attention-list">
        {shown.map((item) => (
          <AttentionRow key={keyOf(item)} item={item} onAsk={setAsked} />
        ))}
      </ul>
      {shown.length < data.items.length && (
        <Button kind="quiet" onClick={() => setWhole(true)}>
          Show {data.items.length - shown.length} more
        </Button>
      )}
      {asked !== null && <ActionDialog action={asked} onClose={() => setAsked(null)} />}
    </section>
  );
};

const keyOf = (item: AttentionItem): string =>
  [
    item.kind,
    item.job_id,
    "file" in item ? item.file : "",
    "target" in item ? item.target : "",
    "worker" in item ? item.worker : "",
    "labels" in item ? item.labels.join() : "",
    "elapsed_ms" in item || item.kind === "approval_needed" ? item.run_id : "",
    item.kind === "approval_needed" ? item.task_id : "",
  ].join(" ");

const ActionDialog = ({ action, onClose }: { readonly action: AskedChange; readonly onClose: () => void }) => {
  const name = useJobName(action.jobId);
  if (action.kind === "approve" || action.kind === "reject")
    return <DecisionDialog kind={action.kind} task={action} name={name} onClose={onClose} />;
  const Asked = action.kind === "retry" ? RetryDialog : CancelDialog;
  return <Asked runId={action.runId} name={name} onClose={onClose} />;
};
