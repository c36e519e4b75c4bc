import type { UseCause } from "../../versions/version.ts";

/** Why a version came into use. */
export const USE_CAUSE_TEXT: Readonly<Record<UseCause, string>> = {
  start: "petit started",
  watch: "petit noticed that a file had changed",
  signal: "a signal (SIGHUP)",
  api: "somebody asked for it",
  edit: "somebody saved the file through petit",
};

const SHORT_CAUSE: Readonly<Record<UseCause, string>> = {
  start: "start",
  watch: "file changed",
  signal: "SIGHUP",
  api: "reload",
  edit: "edited",
};

/** Returns in a few words why a version came into use, and who asked for it; null if that was not recorded. */
export const causeText = ({
  cause,
  by,
}: {
  readonly cause: UseCause | null;
  readonly by: string | null;
}): string | null => {
  if (cause === null) return null;
  return by === null ? SHORT_CAUSE[cause] : `${SHORT_CAUSE[cause]} by ${by}`;
};

/** Number of characters of a digest that are shown. They hardly ever are those of two versions of a job. */
const SHOWN_DIGEST = 8;

export const shortDigest = (digest: string): string => digest.slice(0, SHOWN_DIGEST);

/** What was compared. `before` is null if there is no version to compare with. */
type ComparedVersion = {
  readonly before: number | null;
  readonly changed: boolean;
  readonly changes: readonly unknown[];
  readonly text: string | null;
  readonly diff: readonly string[] | null;
};

/** Returns a sentence about a comparison in which no field differs; null if some do. */
export const sameText = ({ before, changed, changes, diff }: ComparedVersion): string | null => {
  if (before === null) return "It is the first version that is stored.";
  if (changes.length > 0) return null;
  if (diff !== null) return "No field differs, only comments and form.";
  return changed ? "No field that is shown differs." : "Nothing differs.";
};

/** Returns a sentence about the comparison of the texts if it has no lines; null if it has. */
export const noTextDiffText = ({ diff, text, before, changes }: ComparedVersion): string | null => {
  if (diff !== null || before === null || changes.length === 0) return null;
  return text === null
    ? "Its text is not stored."
    : "The texts are not compared: too much differs, or one is not stored.";
};

/** What is said of a value that differs but is hidden in both versions, because it may be a secret. */
export const differsHiddenText = "differs, but is hidden";

/** Returns a value of a definition on one line, as people write it in YAML: `{id: load, args: [a, "b: c"]}`. */
export const fieldText = (value: unknown): string => (typeof value === "string" ? value : flowText(value));

const flowText = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(flowText).join(", ")}]`;
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value)
      .map(([name, each]) => `${scalarText(name)}: ${flowText(each)}`)
      .join(", ")}}`;
  return typeof value === "string" ? scalarText(value) : (JSON.stringify(value) ?? "null");
};

/** Matches texts that YAML and people read as they are, also within a list: words, paths and durations. */
const PLAIN = /^(?:[A-Za-z_/.…][\w./@…-]*(?: [\w./@…-]+)*|(?:\d+(?:ms|[smhd]))+)$/;
const WORDS: ReadonlySet<string> = new Set(["true", "false", "null", "yes", "no", "on", "off"]);

const scalarText = (text: string): string =>
  PLAIN.test(text) && !WORDS.has(text.toLowerCase()) ? text : JSON.stringify(text);
