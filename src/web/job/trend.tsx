import { useState } from "react";
import { Link } from "wouter";
import { shownStatusOf, statusWords } from "../../domain/words/waiting-for.ts";
import type { RunData } from "../data/shapes.ts";
import { TooltipText } from "../ui/overlay/tooltip.tsx";
import { barStyle, StatusFills } from "../ui/status/status-fill.tsx";
import { durationText, fullTimeText, spoken } from "../ui/text/format.ts";

type HoveredRun = { readonly run: RunData; readonly anchor: Element };

const HEIGHT = 96;
const STEP = 12;
const BAR = 9;
const MIN_HEIGHT = 3;

/** Shows the duration and status of the newest runs; the newest is on the right. */
export const Trend = ({ runs }: { readonly runs: readonly RunData[] }) => {
  const [hovered, setHovered] = useState<HoveredRun | null>(null);
  const ordered = runs.toReversed();
  const longest = Math.max(1, ...runs.map(({ duration_ms }) => duration_ms ?? 0));
  const usual = medianOf(runs);
  return (
    <figure className="trend">
      <StatusFills />
      <figcaption className="muted">
        {runs.some(({ duration_ms }) => duration_ms !== null)
          ? `Longest ${durationText(longest)}`
          : "No run has ended yet"}
        {usual !== null && `, usually ${durationText(usual)}`}
      </figcaption>
      <div className="trend-scroll">
        <svg width={ordered.length * STEP} height={HEIGHT} aria-labelledby="trend">
          <title id="trend">Durations of the newest runs</title>
          {usual !== null && <Line at={usual / longest} width={ordered.length * STEP} />}
          {ordered.map((run, index) => (
            <Link
              key={run.id}
              href={`/runs/${run.id}`}
              aria-label={spoken(aboutRun(run))}
              onPointerEnter={(event) => setHovered({ run, anchor: event.currentTarget })}
              onPointerLeave={() => setHovered(null)}
              onFocus={(event) => setHovered({ run, anchor: event.currentTarget })}
              onBlur={() => setHovered(null)}
            >
              <rect className="trend-reach" x={index * STEP} y={0} width={STEP} height={HEIGHT} />
              <Bar run={run} x={index * STEP} share={(run.duration_ms ?? longest / 2) / longest} />
            </Link>
          ))}
        </svg>
      </div>
      {hovered !== null && <TooltipText text={aboutRun(hovered.run)} anchor={hovered.anchor} />}
    </figure>
  );
};

const Bar = ({ run, x, share }: { readonly run: RunData; readonly x: number; readonly share: number }) => {
  const height = MIN_HEIGHT + (HEIGHT - MIN_HEIGHT - 2) * share;
  return (
    <rect
      data-run={run.id}
      data-status={shownStatusOf(run)}
      x={x + 1}
      y={HEIGHT - height - 1}
      width={BAR}
      height={height}
      rx={1.5}
      {...barStyle(shownStatusOf(run))}
    />
  );
};

const Line = ({ at, width }: { readonly at: number; readonly width: number }) => {
  const y = HEIGHT - MIN_HEIGHT - (HEIGHT - MIN_HEIGHT - 2) * at;
  return <line className="trend-line" x1={0} x2={width} y1={y} y2={y} />;
};

/** Returns the median duration of the completed runs, or null if fewer than 3 completed. */
const medianOf = (runs: readonly RunData[]): number | null => {
  const durations = runs
    .flatMap(({ status, duration_ms }) => (status === "completed" && duration_ms !== null ? [duration_ms] : []))
    .sort((a, b) => a - b);
  return durations.length < 3 ? null : (durations[Math.floor(durations.length / 2)] ?? null);
};

const aboutRun = ({ started_at, created_at, duration_ms, ...run }: RunData): string =>
  `${statusWords(run)}${duration_ms === null ? "" : `, ${durationText(duration_ms)}`}\n${fullTimeText(started_at ?? created_at)}`;
