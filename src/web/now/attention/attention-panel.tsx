import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { foldEntries } from "../../../domain/inbox/order.ts";
import { CancelDialog, DecisionDialog, HandleDialog, RetryDialog } from "../../actions/dialogs.ts";
import { attentionQuery } from "../../data/queries.ts";
import { useJobName } from "../../data/selected.ts";
import type { AttentionItem } from "../../data/shapes.ts";
import { Button } from "../../ui/button.tsx";
import { failureText } from "../../ui/states.tsx";
import { StatusIcon } from "../../ui/status/status.tsx";
import "./attention.css";
import { type AskedChange, AttentionRow, aboutOf } from "./attention-row.tsx";

/** More items are shown on request, unless they need a decision or are critical. */
const SHOWN = 8;

/** Lists what needs attention, the most urgent first. One quiet line if nothing does. */
export const AttentionPanel = () => {
  const { data, error } = useQuery(attentionQuery());
  const [isWhole, setWhole] = useState(false);
  const [handling, setHandling] = useState<AttentionItem | null>(null);
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
  const total = Object.values(data.counts).reduce((sum, count) => sum + count, 0) - (data.handled ?? 0);
  const { shown, more, handled } = foldEntries(data.items, isWhole ? data.items.length : SHOWN);
  return (
    <section className="card attention" aria-labelledby="attention">
      <h2 id="attention">
        Needs attention <span className="muted">{total.toLocaleString()}</span>
      </h2>
      <ul className="attention-list">
        {shown.map((item) => (
          <AttentionRow key={keyOf(item)} item={item} onAsk={setAsked} onHandle={setHandling} />
        ))}
      </ul>
      {more.length > 0 && (
        <Button kind="quiet" onClick={() => setWhole(true)}>
          Show {more.length} more
        </Button>
      )}
      {isWhole && total > shown.length && (
        <p className="muted">
          {(total - shown.length).toLocaleString()} more; <code>petit status --all</code> lists them.
        </p>
      )}
      {handled.length > 0 && (
        <details className="attention-handled">
          <summary>{(data.handled ?? handled.length).toLocaleString()} acknowledged or snoozed</summary>
          <ul className="attention-list">
            {handled.map((item) => (
              <AttentionRow key={keyOf(item)} item={item} onAsk={setAsked} onHandle={setHandling} />
            ))}
          </ul>
        </details>
      )}
      {handling !== null && <HandleDialog item={handling} name={aboutOf(handling)} onClose={() => setHandling(null)} />}
      {asked !== null && <ActionDialog action={asked} onClose={() => setAsked(null)} />}
    </section>
  );
};

/** An older petit sends no ids. */
const keyOf = ({ id, kind, job_id, run_id, since }: AttentionItem): string =>
  id ?? [kind, job_id, run_id, since].join(" ");

const ActionDialog = ({ action, onClose }: { readonly action: AskedChange; readonly onClose: () => void }) => {
  const name = useJobName(action.jobId);
  if (action.kind === "approve" || action.kind === "reject")
    return <DecisionDialog kind={action.kind} task={action} name={name} onClose={onClose} />;
  const Asked = action.kind === "retry" ? RetryDialog : CancelDialog;
  return <Asked runId={action.runId} name={name} onClose={onClose} />;
};
