import { zoneOf } from "../../domain/schedule/local-time.ts";

const DAY_MS = 86_400_000;

/** A change of the clocks in a time zone. */
export type LocalChange = { readonly timezone: string; readonly at: number; readonly byMs: number };

/** Returns the changes of the clocks of zones from `from` up to `to`, in order. */
export const zoneChanges = (timezones: Iterable<string>, from: number, to: number): readonly LocalChange[] => {
  const found = new Map<string, LocalChange>();
  for (const timezone of timezones) {
    const zone = zoneOf(timezone);
    for (let day = from; day <= to + DAY_MS; day += DAY_MS) {
      const change = zone.changeNear(zone.toWall(day));
      if (change === null || change.at < from || change.at >= to) continue;
      const { at, beforeMs, afterMs } = change;
      found.set(`${timezone} ${at}`, { timezone, at, byMs: afterMs - beforeMs });
    }
  }
  return [...found.values()].sort((a, b) => a.at - b.at);
};
