import { petitNow } from "../../data/petit-time.ts";
import { Tooltip } from "../overlay/tooltip.tsx";
import { bothTimesText, durationText, fullTimeText, roughText, timeText, zonedText } from "../text/format.ts";
import { useNow } from "./clock.ts";

type TimeProps = {
  /** In ms since the Unix epoch. */
  readonly at: number;
  /** Time zone of the schedule: the tooltip shows the time in it, too. */
  readonly zone?: string | null | undefined;
  /** False inside a link or a button. */
  readonly isFocusable?: boolean;
};

/** A short local time. The tooltip shows it in full, and in the schedule's zone. */
export const Time = ({ at, zone, isFocusable = true }: TimeProps) => (
  <Tooltip text={() => timeTooltip(at, zone)} isFocusable={isFocusable}>
    <time className="nowrap" dateTime={new Date(at).toISOString()}>
      {timeText(at, petitNow())}
    </time>
  </Tooltip>
);

/** A time of a schedule. If its zone is not the reader's, both times are shown: `01:45 Europe/Berlin, 00:45 yours`. */
export const ZonedTime = ({ at, zone = null }: TimeProps) => {
  const there = zonedText(at, zone);
  if (there === null) return <Time at={at} />;
  return (
    <span>
      {there}, <Time at={at} zone={zone} /> yours
    </span>
  );
};

/** A second line with a time of a schedule in both zones. Nothing if the zone is the reader's. */
export const ZoneNote = ({ at, zone }: { readonly at: number; readonly zone: string | null }) => {
  const text = bothTimesText(at, zone);
  return text === null ? null : <small className="zone-note muted">{text}</small>;
};

/** Returns the local time and, if it differs, the time in `zone`. */
const timeTooltip = (at: number, zone?: string | null): string => {
  const local = fullTimeText(at);
  const there = zone == null ? local : fullTimeText(at, zone);
  return there === local ? local : `${local}\n${there} (${zone})`;
};

/** A duration; the tooltip shows it in ms. A dash if it is null. */
export const Duration = ({ ms }: { readonly ms: number | null }) =>
  ms === null ? (
    <span className="muted">–</span>
  ) : (
    <time className="nowrap" dateTime={`PT${ms / 1000}S`} title={ms < 1000 ? undefined : `${ms.toLocaleString()} ms`}>
      {durationText(ms)}
    </time>
  );

/** The time since `since`, updated each second. */
export const Elapsed = ({ since }: { readonly since: number }) => (
  <span className="nowrap">{roughText(useNow() - since)}</span>
);

/** A countdown such as `in 4m 05s`; the tooltip shows the time. */
export const Countdown = ({ at, zone, isFocusable = true }: TimeProps) => {
  const left = at - useNow();
  return (
    <Tooltip text={() => timeTooltip(at, zone)} isFocusable={isFocusable}>
      <time className="nowrap" dateTime={new Date(at).toISOString()}>
        {left < 1000 ? "now" : `in ${roughText(left)}`}
      </time>
    </Tooltip>
  );
};
