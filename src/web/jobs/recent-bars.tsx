import { type MouseEvent, memo, useState } from "react";
import { useLocation } from "wouter";
import type { RecentRun } from "../data/shapes.ts";
import { durationText, fullTimeText } from "../ui/format.ts";
import { Tip } from "../ui/hint.tsx";
import { barLook } from "../ui/status-fill.tsx";
import { countRuns } from "./job-list.ts";

const BAR = 5;
const STEP = 7;
const HEIGHT = 26;
const MIN_HEIGHT = 4;

type RecentBarsProps = {
  /** The newest last. */
  readonly runs: readonly RecentRun[];
  /** How many there is room for. */
  readonly most: number;
};

/** The newest runs of a job, a bar each: as high as it took long, by the square root. A click leads to the run. */
export const RecentBars = memo(({ runs, most }: RecentBarsProps) => {
  const [, navigate] = useLocation();
  const [pointed, setPointed] = useState<{ readonly run: RecentRun; readonly anchor: DOMRectSource } | null>(null);
  const first = most - runs.length;
  const longest = Math.max(1, ...runs.map(({ duration_ms }) => duration_ms ?? 0));
  const runAt = (event: MouseEvent<SVGSVGElement>): RecentRun | undefined => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    return runs[Math.floor(((event.clientX - left) / width) * most) - first];
  };
  const point = (event: MouseEvent<SVGSVGElement>): void => {
    const run = runAt(event);
    const at = new DOMRect(event.clientX, event.currentTarget.getBoundingClientRect().top, 0, HEIGHT);
    setPointed(run === undefined ? null : { run, anchor: { getBoundingClientRect: () => at } });
  };
  if (runs.length === 0) return <span className="muted">No run yet</span>;
  return (
    <>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the page of the job has all of them in reach of the keyboard. */}
      <svg
        className="recent-bars"
        role="img"
        aria-label={`The newest ${countRuns(runs)}`}
        viewBox={`0 0 ${most * STEP} ${HEIGHT}`}
        onPointerMove={point}
        onPointerLeave={() => setPointed(null)}
        onClick={(event) => {
          const run = runAt(event);
          if (run !== undefined) navigate(`/runs/${run.id}`);
        }}
      >
        {runs.map((run, index) => (
          <Bar key={run.id} run={run} at={first + index} share={Math.sqrt((run.duration_ms ?? 0) / longest)} />
        ))}
      </svg>
      {pointed !== null && <Tip text={aboutRun(pointed.run)} anchor={pointed.anchor} />}
    </>
  );
});

type DOMRectSource = { readonly getBoundingClientRect: () => DOMRect };

const Bar = ({ run, at, share }: { readonly run: RecentRun; readonly at: number; readonly share: number }) => {
  const height = run.duration_ms === null ? HEIGHT * 0.6 : MIN_HEIGHT + (HEIGHT - MIN_HEIGHT) * share;
  return (
    <rect
      data-status={run.status}
      x={at * STEP + 0.5}
      y={HEIGHT - height + 0.5}
      width={BAR - 1}
      height={height - 1}
      {...barLook(run.status)}
    />
  );
};

const aboutRun = ({ status, started_at, duration_ms }: RecentRun): string => {
  const took = duration_ms === null ? "" : ` in ${durationText(duration_ms)}`;
  return `${status}${took}${started_at === null ? "" : `\n${fullTimeText(started_at)}`}`;
};
