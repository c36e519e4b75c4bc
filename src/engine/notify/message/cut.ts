/** Marks where a text was cut. */
const MARK = "…";

/** Returns the start of a text: at most `length` UTF-16 code units, with a mark if it was cut. Never splits a character. */
export const cutEnd = (text: string, length: number): string => {
  if (text.length <= length) return text;
  const kept = text.slice(0, Math.max(0, length - MARK.length));
  return (/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept) + MARK;
};

/** Returns the end of a text: at most `length` UTF-16 code units, with a mark if it was cut. Never splits a character. */
export const cutStart = (text: string, length: number): string => {
  if (text.length <= length) return text;
  const kept = length <= MARK.length ? "" : text.slice(MARK.length - length);
  return MARK + (/^[\udc00-\udfff]/.test(kept) ? kept.slice(1) : kept);
};

type FitOptions<T> = {
  readonly limit: number;
  readonly cut: typeof cutEnd;
  readonly render: (text: string) => T;
  /** Returns the size of what was rendered, in the unit of `limit`. Each character of the text must count at least 1. */
  readonly sizeOf: (rendered: T) => number;
};

/** Renders as much of a text as the limit allows. A text that leaves no room becomes empty, even if the rest exceeds the limit. */
export const fit = <T>(text: string, { limit, cut, render, sizeOf }: FitOptions<T>): T => {
  let kept = text;
  for (;;) {
    const rendered = render(kept);
    const excess = sizeOf(rendered) - limit;
    if (excess <= 0 || kept === "") return rendered;
    const length = Math.min(kept.length, text.length) - excess - MARK.length;
    kept = length <= MARK.length ? "" : cut(text, length);
  }
};

/** Returns the items that fit into `limit` together, at most `count`. One that is too large is left out. */
export const takeWithin = <T>(
  items: readonly T[],
  { limit, count, sizeOf }: { readonly limit: number; readonly count: number; readonly sizeOf: (item: T) => number },
): readonly T[] => {
  let room = limit;
  const taken = items.filter((item) => {
    const fits = sizeOf(item) <= room;
    if (fits) room -= sizeOf(item);
    return fits;
  });
  return taken.slice(0, count);
};

/** Returns the escaped form of a text, with as much of it as fits into `limit` UTF-16 code units. */
export const escapeWithin = (
  text: string,
  options: { readonly limit: number; readonly escape: (text: string) => string; readonly cut?: typeof cutEnd },
): string =>
  fit(text, {
    limit: options.limit,
    cut: options.cut ?? cutEnd,
    render: options.escape,
    sizeOf: (escaped) => escaped.length,
  });
