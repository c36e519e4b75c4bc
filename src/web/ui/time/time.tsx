import { Tooltip } from "../overlay/tooltip.tsx";
import { durationText, fullTimeText, roughText, timeText } from "../text/format.ts";
import { useNow } from "./clock.ts";

type TimeProps = {
  /** In ms since the Unix epoch. */
  readonly at: number;
  /** The schedule's zone: told on hover beside the local time. */
  readonly zone?: string | null | undefined;
  /** False where it stands inside a link or a button. */
  readonly isFocusable?: boolean;
};

/** A local time, as short as it can be; in full, and in the schedule's zone, on hover. */
export const Time = ({ at, zone, isFocusable = true }: TimeProps) => (
  <Tooltip text={timeTooltip(at, zone)} isFocusable={isFocusable}>
    <time className="nowrap" dateTime={new Date(at).toISOString()}>
      {timeText(at, Date.now())}
    </time>
  </Tooltip>
);

/** Local and, where it is another, in the schedule's zone. */
export const timeTooltip = (at: number, zone?: string | null): string => {
  const local = fullTimeText(at);
  const there = zone == null ? local : fullTimeText(at, zone);
  return there === local ? local : `${local}\n${there} (${zone})`;
};

/** How long something took, to the millisecond on hover; a dash where that is not known. */
export const Duration = ({ ms }: { readonly ms: number | null }) =>
  ms === null ? (
    <span className="muted">–</span>
  ) : (
    <time className="nowrap" dateTime={`PT${ms / 1000}S`} title={ms < 1000 ? undefined : `${ms.toLocaleString()} ms`}>
      {durationText(ms)}
    </time>
  );

/** How long something goes on by now; counts. */
export const Elapsed = ({ since }: { readonly since: number }) => (
  <span className="nowrap">{roughText(useNow() - since)}</span>
);

/** `in 4m 05s`, counting down; the time itself on hover. */
export const Countdown = ({ at, zone, isFocusable = true }: TimeProps) => {
  const left = at - useNow();
  return (
    <Tooltip text={timeTooltip(at, zone)} isFocusable={isFocusable}>
      <time className="nowrap" dateTime={new Date(at).toISOString()}>
        {left < 1000 ? "now" : `in ${roughText(left)}`}
      </time>
    </Tooltip>
  );
};
