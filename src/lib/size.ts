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

/** What a size looks like, for messages. */
export const SIZE_FORM = 'a size such as "16MiB", "500KB", "1GiB" or a number of bytes';

/** Reads `16MiB` as bytes; null where the text is not a size or exceeds 2^53 bytes. */
export const parseSize = (text: string): number | null => {
  const [, digits, unit] = /^(\d+)\s?([A-Za-z]*)$/.exec(text) ?? [];
  const factor = digits === undefined ? undefined : unitOf(unit || "B");
  const bytes = Number(digits) * (factor ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : null;
};

/** Upper and lower case are the same, and so are `16M` and `16MiB`, as in systemd and Docker. */
const unitOf = (unit: string): number | undefined => {
  const wanted = unit.toLowerCase();
  return Object.entries(UNITS).find(
    ([name]) => name.toLowerCase() === wanted || (name.endsWith("iB") && name.slice(0, 1).toLowerCase() === wanted),
  )?.[1];
};

/** Writes bytes in the largest binary unit that leaves a whole number: `16777216` is `16MiB`. */
export const formatSize = (bytes: number): string => {
  for (const unit of ["TiB", "GiB", "MiB", "KiB"] as const) {
    if (bytes > 0 && bytes % UNITS[unit] === 0) return `${bytes / UNITS[unit]}${unit}`;
  }
  return `${bytes}B`;
};
