type Version = { readonly numbers: readonly number[]; readonly prerelease: readonly string[] };

/** Returns whether a text is a version of Semantic Versioning 2.0.0. */
export const isVersion = (text: string): boolean => parse(text) !== null;

/**
 * Compares two versions by the precedence of Semantic Versioning (https://semver.org/#spec-item-11), which ignores build metadata. Returns a
 * negative number if `a` is older, 0 if none is. Throws if one is not a version.
 */
export const compareVersions = (a: string, b: string): number => {
  const [left, right] = [a, b].map((text) => {
    const version = parse(text);
    if (version === null) throw new Error(`'${text}' is not a version`);
    return version;
  });
  if (left === undefined || right === undefined) return 0;
  const byNumbers = firstDifference(left.numbers, right.numbers, (x, y) => x - y);
  if (byNumbers !== 0) return byNumbers;
  if (left.prerelease.length === 0 || right.prerelease.length === 0)
    return right.prerelease.length - left.prerelease.length;
  return firstDifference(left.prerelease, right.prerelease, compareIdentifiers);
};

const parse = (text: string): Version | null => {
  const [, major, minor, patch, prerelease] =
    /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/.exec(text) ?? [];
  if (major === undefined) return null;
  return { numbers: [major, minor, patch].map(Number), prerelease: prerelease?.split(".") ?? [] };
};

/** Compares lists element by element; one that is the beginning of the other comes first. */
const firstDifference = <T>(a: readonly T[], b: readonly T[], compare: (x: T, y: T) => number): number => {
  for (const [index, x] of a.entries()) {
    const y = b[index];
    if (y === undefined) return 1;
    const difference = compare(x, y);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
};

/** Numbers come before words, and are compared as numbers. */
const compareIdentifiers = (a: string, b: string): number => {
  const [isNumberA, isNumberB] = [a, b].map((text) => /^\d+$/.test(text));
  if (isNumberA && isNumberB) return Number(a) - Number(b);
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
};
