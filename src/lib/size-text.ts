const UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;

/** `812 bytes`, `2.4 MiB`: for people. */
export const sizeText = (bytes: number): string => {
  if (bytes < 1024) return `${bytes} bytes`;
  let size = bytes / 1024;
  let unit = 0;
  while (size >= 999.95 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size.toFixed(1)} ${UNITS[unit]}`;
};
