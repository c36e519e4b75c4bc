import { memo } from "react";
import { Link } from "wouter";
import { petitNow } from "../../data/petit-time.ts";
import type { TimelineJob, TimelineMark } from "../../data/timeline.ts";
import { statusStyle } from "../../ui/status/status.tsx";
import { barStyle } from "../../ui/status/status-fill.tsx";
import { useNow } from "../../ui/time/clock.ts";
import { rowSummary } from "./row-items.ts";
import { barPaths, duePath, markPath, type TimelineScale } from "./row-shapes.ts";

type TimelineRowProps = {
  readonly row: TimelineJob;
  readonly index: number;
  readonly scale: TimelineScale;
  readonly measure: (element: Element | null) => void;
};

/** A job of the timeline. Renders again only when the job changes; a CSS variable of the list moves the group inside. */
export const TimelineRow = memo(({ row, index, scale, measure }: TimelineRowProps) => {
  const now = petitNow();
  return (
    <li ref={measure} className="time-row" data-index={index}>
      <Link className="time-name" href={`/jobs/${row.job_id}`} data-row draggable={false}>
        {row.name}
      </Link>
      <svg className="time-track" role="img" aria-label={rowSummary(row, now)}>
        <g className="slides">
          <Bars row={row} scale={scale} now={now} />
          <path
            className="time-due"
            d={row.due
              .filter((at) => at > now)
              .map((at) => duePath(at, scale))
              .join("")}
          />
          {(["skipped", "missed", "waiting"] as const).map((outcome) => (
            <Marks key={outcome} row={row} scale={scale} outcome={outcome} />
          ))}
        </g>
      </svg>
    </li>
  );
});

type ShapesProps = { readonly row: TimelineJob; readonly scale: TimelineScale };

const Bars = ({ row, scale, now }: ShapesProps & { readonly now: number }) => {
  const ended = row.bars.filter(({ ended_at }) => ended_at !== null);
  return (
    <>
      {barPaths(ended, scale, now).map(({ status, path }) => (
        <path key={status} data-status={status} d={path} {...barStyle(status)} />
      ))}
      {ended.length < row.bars.length && <OpenBars row={row} scale={scale} />}
    </>
  );
};

/** Bars of running runs, which grow with time. */
const OpenBars = ({ row, scale }: ShapesProps) =>
  barPaths(
    row.bars.filter(({ ended_at }) => ended_at === null),
    scale,
    useNow(),
  ).map(({ status, path }) => <path key={status} data-status={status} d={path} {...barStyle(status)} />);

const Marks = ({ row, scale, outcome }: ShapesProps & { readonly outcome: TimelineMark["outcome"] }) => {
  const path = row.marks
    .filter((mark) => mark.outcome === outcome)
    .map((mark) => markPath(mark, scale))
    .join("");
  return path !== "" && <path className="time-mark" data-outcome={outcome} d={path} style={statusStyle(outcome)} />;
};
