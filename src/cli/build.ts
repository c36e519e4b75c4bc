/** What scripts/compile puts in place of these names; they are not there when petit runs from source. */
declare const PETIT_COMMIT: string | undefined;
declare const PETIT_COMMIT_DATE: string | undefined;
declare const PETIT_TARGET: string | undefined;

/** What this petit was built from, and for which machines. */
export type Build = {
  /** With `-dirty` behind it where the source was changed since; null where nothing is known of it. */
  readonly commit: string | null;
  /** When that commit was made, ISO 8601 in UTC: the same source gives the same executable on any day. */
  readonly date: string | null;
  /** Such as `linux-arm64-musl`. */
  readonly target: string;
};

const known = (text: string | undefined): string | null => text || null;

export const BUILD: Build = {
  commit: known(typeof PETIT_COMMIT === "string" ? PETIT_COMMIT : undefined),
  date: known(typeof PETIT_COMMIT_DATE === "string" ? PETIT_COMMIT_DATE : undefined),
  target: known(typeof PETIT_TARGET === "string" ? PETIT_TARGET : undefined) ?? `${process.platform}-${process.arch}`,
};
