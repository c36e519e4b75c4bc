import { useState } from "react";
import { RunDialog } from "../../actions/dialogs.ts";
import type { TimelineWindow } from "../../data/queries.ts";
import { useMay } from "../../data/selected.ts";
import type { TimelineJob } from "../../data/timeline.ts";
import { useShortcut } from "../../keyboard/shortcuts.ts";
import { TooltipText } from "../../ui/overlay/tooltip.tsx";
import { useWindowRows } from "../../ui/table/use-window-rows.ts";
import { useNow } from "../../ui/time/clock.ts";
import { ROW_PX, type TimelineScale } from "./row-shapes.ts";
import { TimelineRow } from "./timeline-row.tsx";
import { useDetailedRows } from "./use-detailed-rows.ts";
import { usePointedItem } from "./use-pointed-item.ts";

type TimelineRowsProps = {
  readonly rows: readonly TimelineJob[];
  /** How many rows below them are not loaded yet. */
  readonly missing: number;
  /** The time window of the rows. */
  readonly queried: TimelineWindow;
  readonly scale: TimelineScale;
  readonly shift: number;
  readonly onReach: (at: number) => void;
  readonly wasDragged: () => boolean;
};

/** Renders the visible rows, and describes the item that the user points at. */
export const TimelineRows = ({ rows: all, missing, queried, scale, shift, onReach, wasDragged }: TimelineRowsProps) => {
  const {
    container,
    rows: visibleRows,
    above,
    below,
    measure,
  } = useWindowRows<HTMLOListElement>({
    count: all.length,
    estimatePx: ROW_PX,
    estimateTop: 500,
    keyAt: (index) => all[index]?.job_id ?? "",
  });
  const inDetail = useDetailedRows(all, visibleRows, queried);
  const rowAt = (index: number): TimelineJob | undefined => all[index] && inDetail(all[index]);
  const pointed = usePointedItem({ rowAt, scale, shift, now: useNow(), onReach });
  return (
    <>
      <ol
        ref={container}
        className="time-rows"
        aria-label="Jobs; use the arrow keys to move between runs"
        style={{ paddingTop: above, paddingBottom: below + missing * ROW_PX }}
        onPointerMove={(event) => (event.buttons === 0 ? pointed.point(event) : pointed.clear())}
        onPointerLeave={pointed.clear}
        onBlur={pointed.clear}
        onClick={(event) => !wasDragged() && pointed.open(event)}
        onKeyDown={pointed.onKeyDown}
      >
        {visibleRows.map(({ index }) => {
          const row = rowAt(index);
          return row && <TimelineRow key={row.job_id} row={row} index={index} scale={scale} measure={measure} />;
        })}
        <li className="time-now" aria-hidden="true" />
      </ol>
      <p className="visually-hidden" role="status">
        {pointed.item?.text}
      </p>
      {pointed.item !== null && <TooltipText text={pointed.item.text} anchor={pointed.anchor} />}
      <RunShortcut rows={all} />
    </>
  );
};

/** Adds the shortcut `r`, which runs the job of the focused row. */
const RunShortcut = ({ rows }: { readonly rows: readonly TimelineJob[] }) => {
  const [jobId, setJobId] = useState<string | null>(null);
  const run = (): void => {
    const row = document.activeElement?.closest<HTMLElement>(".time-row");
    setJobId(rows[Number(row?.dataset.index)]?.job_id ?? null);
  };
  useShortcut({ key: "r", what: "Run the focused job", run, isOn: useMay("operator") });
  return jobId !== null && <RunDialog jobId={jobId} onClose={() => setJobId(null)} />;
};
