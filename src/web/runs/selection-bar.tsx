import { useState } from "react";
import { BulkDialog, type BulkKind, isApplicable } from "../actions/bulk-dialog.tsx";
import type { RunData } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Button } from "../ui/button.tsx";

type SelectionBarProps = { readonly runs: readonly RunData[]; readonly onClear: () => void };

/** Actions on the selected runs. It is at the bottom, so that no row moves when it appears. */
export const SelectionBar = ({ runs, onClear }: SelectionBarProps) => {
  const [asked, setAsked] = useState<BulkKind | null>(null);
  const count = (kind: BulkKind): number => runs.filter((run) => isApplicable(kind, run)).length;
  return (
    <section className="runs-selection" aria-label="Selected runs">
      <strong role="status">{runs.length.toLocaleString()} selected</strong>
      <ActionButton needs="operator" kind="danger" disabled={count("cancel") === 0} onClick={() => setAsked("cancel")}>
        Cancel {count("cancel")}
      </ActionButton>
      <ActionButton needs="operator" disabled={count("retry") === 0} onClick={() => setAsked("retry")}>
        Retry {count("retry")}
      </ActionButton>
      <Button kind="quiet" onClick={onClear}>
        Clear
      </Button>
      {asked !== null && (
        <BulkDialog
          kind={asked}
          runs={runs}
          onClose={() => {
            setAsked(null);
            onClear();
          }}
        />
      )}
    </section>
  );
};
