const UNITS = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
} as const;

const BINARY_UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;

/** Description of the format, for messages. */
export const SIZE_FORM = 'a size such as "16MiB", "500KB", "1GiB" or a number of bytes';

/** The form of what `parseSize` accepts, for JSON Schema: its units in any case. */
export const SIZE_PATTERN = "^\\d+\\s?(?:[bB]|[kKmMgGtT](?:[iI]?[bB])?)?$";

/** Parses `16MiB` into bytes. Returns null if the text is not a size or exceeds 2^53 bytes. */
export const parseSize = (text: string): number | null => {
  const [, digits, unit] = /^(\d+)\s?([A-Za-z]*)$/.exec(text) ?? [];
  const factor = digits === undefined ? undefined : unitOf(unit || "B");
  const bytes = Number(digits) * (factor ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : null;
};

/** Ignores case, and accepts `16M` for `16MiB`, as systemd and Docker do. */
const unitOf = (unit: string): number | undefined => {
  const wanted = unit.toLowerCase();
  return Object.entries(UNITS).find(
    ([name]) => name.toLowerCase() === wanted || (name.endsWith("iB") && name.slice(0, 1).toLowerCase() === wanted),
  )?.[1];
};

/** Formats bytes exactly, in the largest binary unit that gives a whole number: `16777216` is `16MiB`. */
export const formatSize = (bytes: number): string => {
  for (const unit of BINARY_UNITS.toReversed()) {
    if (bytes > 0 && bytes % UNITS[unit] === 0) return `${bytes / UNITS[unit]}${unit}`;
  }
  return `${bytes}B`;
};

/** Formats a size for people, rounded: `812 bytes`, `2.4 MiB`. */
export const formatRoundedSize = (bytes: number): string => {
  if (bytes < 1024) return `${bytes} bytes`;
  let size = bytes / 1024;
  let unit = 0;
  while (size >= 999.95 && unit < BINARY_UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size.toFixed(1)} ${BINARY_UNITS[unit]}`;
};
