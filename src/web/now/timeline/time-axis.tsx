import { memo, type Ref } from "react";
import { type TimelineScale, xOf } from "./row-shapes.ts";
import { axisText, axisTimes } from "./time-window.ts";

type TimeAxisProps = {
  readonly ref: Ref<HTMLDivElement>;
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
  readonly scale: TimelineScale;
  /** Position of the current time, in px. */
  readonly nowX: number;
};

/** Minimum distance in px between the centers of a label and of "now". Labels of days are wider. */
const NOW_ROOM_PX = { time: 44, day: 64 } as const;

const hasRoom = (at: number, { scale, nowX }: Pick<TimeAxisProps, "scale" | "nowX">): boolean =>
  Math.abs(xOf(scale, at) - nowX) >= NOW_ROOM_PX[/^\d\d:\d\d$/.test(axisText(at)) ? "time" : "day"];

/** Shows local times above the rows. The labels move with the rows. */
export const TimeAxis = memo(({ ref, from, to, stepMs, scale, nowX }: TimeAxisProps) => (
  <div className="time-axis" aria-hidden="true">
    <div ref={ref} className="time-axis-track">
      <div className="slides">
        {scale.pxPerMs > 0 &&
          axisTimes(from, to, stepMs)
            .filter((at) => hasRoom(at, { scale, nowX }))
            .map((at) => (
              <time key={at} dateTime={new Date(at).toISOString()} style={{ left: xOf(scale, at) }}>
                {axisText(at)}
              </time>
            ))}
      </div>
      <span className="time-axis-now">
        <span>now</span>
      </span>
    </div>
  </div>
));
