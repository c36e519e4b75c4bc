/** The units of systemd.time(7), in ms. A month is 30.44 days and a year 365.25 days. */
const UNITS_MS: Readonly<Record<string, number>> = Object.fromEntries(
  (
    [
      [0.001, "us usec µs"],
      [1, "ms msec"],
      [1000, "s sec second seconds"],
      [60_000, "m min minute minutes"],
      [3_600_000, "h hr hour hours"],
      [86_400_000, "d day days"],
      [604_800_000, "w week weeks"],
      [2_629_800_000, "M month months"],
      [31_557_600_000, "y year years"],
    ] as const
  ).flatMap(([ms, names]) => names.split(" ").map((name) => [name, ms] as const)),
);

/** Parses a time span such as `1h 30min` into ms, or `infinity`. A number without a unit counts seconds. Returns null if it is none. */
export const parseTimeSpan = (text: string): number | "infinity" | null => {
  const tidy = text.trim();
  if (tidy === "infinity") return "infinity";
  if (!/^(?:\d+(?:\.\d*)?|\.\d+)/.test(tidy)) return null;
  let ms = 0;
  let end = 0;
  for (const match of tidy.matchAll(/(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-zµ]*)\s*/gy)) {
    const unit = match[2] === "" ? 1000 : UNITS_MS[match[2] ?? ""];
    if (unit === undefined) return null;
    ms += Number(match[1]) * unit;
    end = match.index + match[0].length;
  }
  return end === tidy.length ? ms : null;
};
