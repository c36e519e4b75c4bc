import { type MouseEvent, memo, useState } from "react";
import { useLocation } from "wouter";
import type { RunStatus } from "../../domain/run.ts";
import type { ShownStatus } from "../../domain/words/waiting-for.ts";
import type { RecentRunData } from "../data/shapes.ts";
import { TooltipText } from "../ui/overlay/tooltip.tsx";
import { barStyle } from "../ui/status/status-fill.tsx";
import { durationText, fullTimeText } from "../ui/text/format.ts";
import { countRuns } from "./job-list.ts";

const BAR = 5;
const STEP = 7;
const HEIGHT = 26;
const MIN_HEIGHT = 4;

type RecentBarsProps = {
  /** Oldest first. */
  readonly runs: readonly RecentRunData[];
  /** Maximum number of bars. */
  readonly maxRuns: number;
  /** What the unfinished ones do, such as `2 waiting for approval`; empty for their statuses. */
  readonly active: string;
  /** Whether none of the unfinished ones executes anything. */
  readonly isWaiting: boolean;
};

/** Shows the newest runs of a job as bars; the height is the square root of the duration. A click opens the run. */
export const RecentBars = memo(({ runs, maxRuns, active, isWaiting }: RecentBarsProps) => {
  const [, navigate] = useLocation();
  const [pointed, setPointed] = useState<{ readonly run: RecentRunData; readonly anchor: DOMRectSource } | null>(null);
  const first = maxRuns - runs.length;
  const longest = Math.max(1, ...runs.map(({ duration_ms }) => duration_ms ?? 0));
  const runAt = (event: MouseEvent<SVGSVGElement>): RecentRunData | undefined => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    return runs[Math.floor(((event.clientX - left) / width) * maxRuns) - first];
  };
  const point = (event: MouseEvent<SVGSVGElement>): void => {
    const run = runAt(event);
    const at = new DOMRect(event.clientX, event.currentTarget.getBoundingClientRect().top, 0, HEIGHT);
    setPointed(run === undefined ? null : { run, anchor: { getBoundingClientRect: () => at } });
  };
  if (runs.length === 0) return <span className="muted">No runs yet</span>;
  return (
    <>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the page of the job makes all runs reachable by keyboard. */}
      <svg
        className="recent-bars"
        role="img"
        aria-label={`The newest ${countRuns(runs, active === "" ? null : [active])}`}
        viewBox={`0 0 ${maxRuns * STEP} ${HEIGHT}`}
        onPointerMove={point}
        onPointerLeave={() => setPointed(null)}
        onClick={(event) => {
          const run = runAt(event);
          if (run !== undefined) navigate(`/runs/${run.id}`);
        }}
      >
        {runs.map((run, index) => (
          <Bar
            key={run.id}
            run={run}
            status={shownStatus(run.status, isWaiting)}
            at={first + index}
            share={Math.sqrt((run.duration_ms ?? 0) / longest)}
          />
        ))}
      </svg>
      {pointed !== null && <TooltipText text={aboutRun(pointed.run, isWaiting)} anchor={pointed.anchor} />}
    </>
  );
});

type DOMRectSource = { readonly getBoundingClientRect: () => DOMRect };

const shownStatus = (status: RunStatus, isWaiting: boolean): ShownStatus<RunStatus> =>
  isWaiting && status === "running" ? "waiting" : status;

type BarProps = {
  readonly run: RecentRunData;
  readonly status: ShownStatus<RunStatus>;
  readonly at: number;
  readonly share: number;
};

const Bar = ({ run, status, at, share }: BarProps) => {
  const height = run.duration_ms === null ? HEIGHT * 0.6 : MIN_HEIGHT + (HEIGHT - MIN_HEIGHT) * share;
  return (
    <rect
      data-status={status}
      x={at * STEP + 0.5}
      y={HEIGHT - height + 0.5}
      width={BAR - 1}
      height={height - 1}
      {...barStyle(status)}
    />
  );
};

const aboutRun = ({ status, started_at, duration_ms }: RecentRunData, isWaiting: boolean): string => {
  const took = duration_ms === null ? "" : ` in ${durationText(duration_ms)}`;
  return `${shownStatus(status, isWaiting)}${took}${started_at === null ? "" : `\n${fullTimeText(started_at)}`}`;
};
