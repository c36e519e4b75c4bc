import { useState } from "react";
import type { TimelineWindow } from "../data/queries.ts";
import type { TimelineJob } from "../data/shapes.ts";
import { useShortcut } from "../keyboard/shortcuts.ts";
import { RunDialog } from "../trigger/run-dialog.tsx";
import { Tip } from "../ui/hint.tsx";
import { useNow } from "../ui/now.ts";
import { useWindowRows } from "../ui/window-rows.ts";
import { ROW_PX, type Scale } from "./row-shapes.ts";
import { TimelineRow } from "./timeline-row.tsx";
import { useDetail } from "./use-detail.ts";
import { usePointed } from "./use-pointed.ts";

type TimelineRowsProps = {
  readonly rows: readonly TimelineJob[];
  /** The window that they are of. */
  readonly asked: TimelineWindow;
  readonly scale: Scale;
  readonly shift: number;
  readonly onReach: (at: number) => void;
  readonly wasDragged: () => boolean;
};

/** Of a thousand rows, those in sight; what is pointed at is told in words. */
export const TimelineRows = ({ rows: all, asked, scale, shift, onReach, wasDragged }: TimelineRowsProps) => {
  const {
    around,
    rows: seen,
    above,
    below,
    measure,
  } = useWindowRows<HTMLOListElement>({
    count: all.length,
    estimatePx: ROW_PX,
    keyOf: (index) => all[index]?.job_id ?? "",
  });
  const inDetail = useDetail(all, seen, asked);
  const rowAt = (index: number): TimelineJob | undefined => all[index] && inDetail(all[index]);
  const pointed = usePointed({ rowAt, scale, shift, now: useNow(), onReach });
  return (
    <>
      <ol
        ref={around}
        className="time-rows"
        aria-label="Jobs; the arrow keys go from run to run"
        style={{ paddingTop: above, paddingBottom: below }}
        onPointerMove={(event) => (event.buttons === 0 ? pointed.point(event) : pointed.clear())}
        onPointerLeave={pointed.clear}
        onBlur={pointed.clear}
        onClick={(event) => !wasDragged() && pointed.open(event)}
        onKeyDown={pointed.onKeyDown}
      >
        {seen.map(({ index }) => {
          const row = rowAt(index);
          return row && <TimelineRow key={row.job_id} row={row} index={index} scale={scale} measure={measure} />;
        })}
        <li className="time-now" aria-hidden="true" />
      </ol>
      <p className="visually-hidden" role="status">
        {pointed.item?.text}
      </p>
      {pointed.item !== null && <Tip text={pointed.item.text} anchor={pointed.anchor} />}
      <RunShortcut rows={all} />
    </>
  );
};

/** `r` runs the job of the row that has the focus. */
const RunShortcut = ({ rows }: { readonly rows: readonly TimelineJob[] }) => {
  const [jobId, setJobId] = useState<string | null>(null);
  const run = (): void => {
    const row = document.activeElement?.closest<HTMLElement>(".time-row");
    setJobId(rows[Number(row?.dataset.index)]?.job_id ?? null);
  };
  useShortcut({ key: "r", what: "Run the job that has the focus", run });
  return jobId !== null && <RunDialog jobId={jobId} onClose={() => setJobId(null)} />;
};
