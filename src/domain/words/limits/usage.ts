import { formatRoundedSize } from "../../../lib/size.ts";
import { durationText } from "../duration.ts";

/** What was used, with names as in the API. */
export type ShownUsage = {
  readonly cpu_user_ms: number;
  readonly cpu_system_ms: number;
  readonly memory_peak_bytes: number | null;
};

/** Returns the CPU time: `1.2s`; null if it is not known. */
export const cpuText = (usage: ShownUsage | null, format: (ms: number) => string = durationText): string | null =>
  usage === null ? null : format(usage.cpu_user_ms + usage.cpu_system_ms);

/** Returns the peak of memory, and the limit if there was one: `480.0 of 512.0 MiB`, `1.1 of 2.0 GiB`. Null if the peak is not known. */
export const memoryText = (usage: ShownUsage | null, limitBytes: number | null): string | null => {
  const peakBytes = usage?.memory_peak_bytes ?? null;
  if (peakBytes === null) return null;
  return limitBytes === null ? sizeText(peakBytes) : sizeOfLimitText(peakBytes, limitBytes);
};

/** Returns a size of a limit: `480 of 512 MiB`. */
export const sizeOfLimitText = (bytes: number, limitBytes: number): string => {
  const peak = sizeText(bytes);
  const limit = sizeText(limitBytes);
  const unit = limit.slice(limit.lastIndexOf(" "));
  return `${peak.endsWith(unit) ? peak.slice(0, -unit.length) : peak} of ${limit}`;
};

/** Without a fraction of zero: `512 MiB`. */
const sizeText = (bytes: number): string => formatRoundedSize(bytes).replace(".0 ", " ");

/** What is said of the limits of an attempt that were not enforced. */
export const NOT_ENFORCED = "not enforced";
