import { formatDuration } from "../../../../lib/duration.ts";
import type { Json } from "../../../../lib/json.ts";
import type { Remarks } from "../../remarks.ts";
import { parseTimeSpan } from "../time-span.ts";
import { place } from "../timer.ts";
import { type Directive, lastOf, listOf } from "../unit/parse.ts";

/** systemd's defaults. */
const RESTART_MS = 100;
const START_LIMIT_MS = 10_000;
const START_LIMIT_BURST = 5;

/** The retries of a service that systemd restarts without end. */
const WITHOUT_END = 1000;

/** Translates Restart= with RestartSec= and the limit of starts into `retry`. */
export const retryOf = (directives: readonly Directive[], remarks: Remarks): Readonly<Record<string, Json>> => {
  const restart = lastOf(directives, "Service", "Restart");
  if (restart === null || restart.value === "no") return {};
  if (restart.value !== "on-failure" && restart.value !== "always") {
    remarks.leaveOut(place(restart), "petit retries each failure or none");
    return {};
  }
  if (restart.value === "always") remarks.note(place(restart), "petit does not repeat a task that succeeded");
  if (listOf(directives, "Service", "ExecStartPre").length > 0)
    remarks.note(place(restart), "a retry repeats the command that failed, not those before it");
  const delayMs = spanOf(directives, ["RestartSec"], RESTART_MS);
  const burst = lastOf(directives, "Unit", "StartLimitBurst") ?? lastOf(directives, "Service", "StartLimitBurst");
  const starts = burst !== null && /^\d+$/.test(burst.value) ? Number(burst.value) : START_LIMIT_BURST;
  const windowMs = Math.min(
    spanOf(directives, ["StartLimitIntervalSec", "StartLimitInterval"], START_LIMIT_MS, "Unit"),
    spanOf(directives, ["StartLimitInterval"], Number.POSITIVE_INFINITY),
  );
  const isLimited = starts > 0 && windowMs > 0 && delayMs * starts < windowMs;
  if (!isLimited) remarks.note(place(restart), `systemd restarts it without end, petit ${WITHOUT_END} times`);
  return {
    retry: {
      max_attempts: isLimited ? Math.max(starts - 1, 0) : WITHOUT_END,
      ...(delayMs === 0 ? {} : { delay: formatDuration(delayMs) }),
    },
  };
};

const spanOf = (
  directives: readonly Directive[],
  names: readonly string[],
  usual: number,
  section = "Service",
): number => {
  const directive = lastOf(directives, section, ...names);
  const ms = directive === null ? null : parseTimeSpan(directive.value);
  return ms === null ? usual : ms === "infinity" ? Number.POSITIVE_INFINITY : ms;
};
