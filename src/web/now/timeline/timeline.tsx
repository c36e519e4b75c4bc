import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type CSSProperties, useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { petitNow } from "../../data/petit-time.ts";
import { attentionQuery, timelineQuery } from "../../data/queries.ts";
import type { AttentionItem } from "../../data/shapes.ts";
import type { TimelineData, TimelineJob } from "../../data/timeline.ts";
import { withParam } from "../../ui/choice.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { StatusFills } from "../../ui/status/status-fill.tsx";
import { useNow } from "../../ui/time/clock.ts";
import { useWidth } from "../../ui/use-width.ts";
import { orderRows } from "./row-order.ts";
import { type TimelineScale, xOf } from "./row-shapes.ts";
import { TimeAxis } from "./time-axis.tsx";
import { axisStepMs, axisTimes, panned, startOf, type TimeView, viewProblem, zoomed } from "./time-window.ts";
import { TimelineLegend } from "./timeline-legend.tsx";
import { queryOf, type Shown } from "./timeline-query.ts";
import { TimelineRows } from "./timeline-rows.tsx";
import { TimelineToolbar } from "./timeline-toolbar.tsx";
import { useGestures } from "./use-gestures.ts";
import { useTimeView } from "./use-time-view.ts";
import "./timeline.css";

/** Shows each job as a row with its past and upcoming runs, and its skipped and missed occurrences. */
export const Timeline = () => {
  const [view, change] = useTimeView();
  const [query, setQuery] = useSearchParams();
  const show = query.get("show") ?? "";
  const tag = query.get("tag") ?? "";
  const problem = viewProblem(query);
  const track = useRef<HTMLDivElement>(null);
  const width = useWidth(track);
  const { timeline, frame } = useFrame({ view, show, tag }, width);
  const around = useRef<HTMLElement>(null);
  const { wasDragged, ...drag } = useGestures(around, {
    onPan: (px) => change((before) => panned(before, -px / frame.scale.pxPerMs, petitNow())),
    onZoom: (step, x) => change((before) => zoomed(before, step, timeAt(before, x, track.current))),
  });
  return (
    <section
      ref={around}
      className="card time"
      aria-label="Timeline"
      data-now={frame.isNowVisible ? "seen" : "out"}
      style={frame.style}
      {...drag}
    >
      <StatusFills />
      <div className="time-head">
        <TimelineToolbar
          view={view}
          change={change}
          show={show}
          onShow={(value) => setQuery((now) => withParam(now, "show", value), { replace: true })}
          tag={tag}
          onTag={(value) => setQuery((now) => withParam(now, "tag", value), { replace: true })}
        />
        <TimeAxis
          ref={track}
          from={frame.from}
          to={frame.to}
          stepMs={frame.stepMs}
          scale={frame.scale}
          nowX={frame.nowX}
        />
      </div>
      {problem !== null && (
        <p className="time-problem" role="status">
          The address asks for something that can't be shown: {problem} This is the default, or what else it asks for.
        </p>
      )}
      <Loaded query={timeline} what="the timeline">
        {(data) => (
          <Rows
            data={data}
            show={show}
            queried={frame.queried}
            scale={frame.scale}
            shift={frame.shift}
            onReach={(at) => change((before) => scrolledTo(before, at))}
            wasDragged={wasDragged}
          />
        )}
      </Loaded>
      <TimelineLegend />
    </section>
  );
};

type RowsProps = Omit<Parameters<typeof TimelineRows>[0], "rows" | "missing"> & {
  readonly data: TimelineData;
  readonly show: string;
};

const Rows = ({ data, show, ...rest }: RowsProps) => {
  const pinned = useFailingJobs(show === "failing");
  const rows = useMemo(
    () =>
      orderRows(
        data.jobs.filter((row) => isShown(row, show)),
        pinned,
      ),
    [data, show, pinned],
  );
  if (rows.length === 0) return <Empty title="No jobs to show" />;
  return <TimelineRows rows={rows} missing={data.count - data.jobs.length} {...rest} />;
};

const NONE: ReadonlySet<string> = new Set();

/** Returns the jobs that fail, if they are to be pinned. */
const useFailingJobs = (isOn: boolean): ReadonlySet<string> => {
  const { data } = useQuery({ ...attentionQuery(), enabled: isOn, select: failingJobs });
  return isOn && data !== undefined ? data : NONE;
};

const failingJobs = ({ items }: { readonly items: readonly AttentionItem[] }): ReadonlySet<string> =>
  new Set(items.flatMap((item) => (item.kind === "job_failing" && item.job_id !== null ? [item.job_id] : [])));

/** Decodes only the rows of a filter: reading the bars of a row decodes them. */
const isShown = (row: TimelineJob, show: string): boolean => {
  if (show === "ran") return row.bars.length > 0;
  if (show !== "trouble") return true;
  return row.marks.length > 0 || row.bars.some(({ status }) => status === "failed" || status === "interrupted");
};

const AXIS_ROOM_PX = 90;

/** Queries the timeline for a view, and computes its position on the screen. */
const useFrame = (shown: Shown, width: number) => {
  const now = useNow();
  const { view } = shown;
  const from = startOf(view, now);
  const { spanMs } = view.zoom;
  const client = useQueryClient();
  // The rows of the first screen are shown before the others are queried, unless those are known.
  const [isFirst, setFirst] = useState(
    () => client.getQueryData(timelineQuery(queryOf(shown, now, false)).queryKey) === undefined,
  );
  const queried = queryOf(shown, now, isFirst);
  const timeline = useQuery({
    ...timelineQuery(queried),
    // With thousands of bars, comparing old and new data costs more than rendering the visible ones.
    structuralSharing: false,
  });
  const hasMore = timeline.data !== undefined && timeline.data.count > timeline.data.jobs.length;
  useEffect(() => {
    if (hasMore) setFirst(false);
  }, [hasMore]);
  const pxPerMs = width / spanMs;
  const originMs = timeline.data?.from ?? queried.from;
  const to = timeline.data?.to ?? queried.to;
  const scale = useMemo<TimelineScale>(() => ({ originMs, pxPerMs }), [originMs, pxPerMs]);
  const stepMs = axisStepMs(pxPerMs, AXIS_ROOM_PX);
  const shift = (originMs - from) * pxPerMs;
  const nowPx = (now - from) * pxPerMs;
  const lines = axisTimes(originMs, to, stepMs).map((at) => xOf(scale, at) + shift);
  const style: CSSProperties & Record<`--${string}`, string> = {
    "--shift": `${shift}px`,
    "--now-x": `${Math.min(Math.max(0, nowPx), width)}px`,
    "--grid": gridOf(lines.filter((x) => x >= 0 && x <= width)),
  };
  const isNowVisible = nowPx >= 0 && nowPx <= width;
  const nowX = roundedToSteps(xOf(scale, now));
  return { timeline, frame: { queried, from: originMs, to, scale, shift, stepMs, style, nowX, isNowVisible } };
};

/** Returns a gradient with a line at each time of the axis. Distances differ after a daylight saving change. */
const gridOf = (lines: readonly number[]): string => {
  const stops = lines.map(
    (x) => `transparent ${x.toFixed(1)}px, var(--line) ${x.toFixed(1)}px ${(x + 1).toFixed(1)}px, transparent 0`,
  );
  return `linear-gradient(90deg, ${["transparent 0", ...stops, "transparent 0"].join(", ")})`;
};

/** Px that the current time moves before the labels near it are computed again. */
const NOW_STEP_PX = 8;
const roundedToSteps = (x: number): number => Math.round(x / NOW_STEP_PX) * NOW_STEP_PX;

const timeAt = (view: TimeView, x: number, track: HTMLElement | null) => {
  const now = petitNow();
  const { left, width } = track?.getBoundingClientRect() ?? { left: 0, width: 1 };
  const share = Math.min(1, Math.max(0, (x - left) / width));
  return { time: startOf(view, now) + share * view.zoom.spanMs, now };
};

const scrolledTo = (view: TimeView, at: number): TimeView => {
  const from = startOf(view, petitNow());
  const isInView = at >= from && at <= from + view.zoom.spanMs;
  return isInView ? view : { zoom: view.zoom, from: Math.max(0, at - view.zoom.spanMs / 2) };
};
