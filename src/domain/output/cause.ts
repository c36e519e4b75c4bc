import { shorten } from "../../lib/text.ts";
import type { FailureCause } from "../task-run.ts";
import { BURST_GAP, type CauseCandidate, Collector, isFrame, type OutputLine } from "./candidates.ts";
import { isCleanup, MIN_POINTS } from "./error-rank.ts";
import { levelOf, withoutPrefixes } from "./log-level.ts";
import { NewLines } from "./new-lines.ts";
import { normalise, plainLine, segmentsOf } from "./plain-line.ts";

export type { OutputLine } from "./candidates.ts";

const MAX_CONTEXT = 4;

/** Points of the last line; the first line has none. */
const NEARNESS = 16;
/** In a burst, the first line wins over later ones that have at most this many points more. */
const BURST_TOLERANCE = 5;

/** Maximum length of a line that is stored. */
const MAX_TEXT = 500;

/**
 * Finds the line that explains why an attempt failed.
 *
 * Takes one pass and looks at 2,000 characters of each line at most. The caller limits the input: at most 64 KiB of the
 * start and 1 MiB of the end of the attempt's output, in the order in which it was printed.
 */
export class CauseFinder {
  readonly #known: ReadonlySet<string>;
  readonly #lines: OutputLine[] = [];
  readonly #collector: Collector;
  readonly #newLines: NewLines;

  /** `known` has the lines that the last successful run of the task printed, as `normalise` returns them: they explain nothing. */
  constructor(known: ReadonlySet<string>) {
    this.#known = known;
    this.#collector = new Collector(known);
    this.#newLines = new NewLines(known);
  }

  /** Adds a line, or a segment of one. */
  add(line: OutputLine): void {
    for (const text of segmentsOf(line.text)) {
      const segment = { ...line, text };
      const index = this.#lines.length;
      this.#collector.add(segment, index);
      if (!this.#isExplained) this.#newLines.add(segment, index);
      this.#lines.push(segment);
    }
  }

  /** Then new lines that report no error are not needed. */
  get #isExplained(): boolean {
    return (this.#collector.candidates.at(-1)?.points ?? 0) >= MIN_POINTS;
  }

  /**
   * Returns the line, or null if none explains the failure: then the last lines are all there is. If no line reports an error, what the
   * last successful run did not print explains most.
   */
  get cause(): FailureCause | null {
    const chosen = choose(this.#collector.candidates, this.#lines.length) ?? this.#newLines.last;
    if (chosen === null) return null;
    const { seq, stream, text } = chosen.line;
    const context = contextOf(this.#lines, chosen, this.#known).map(shownText);
    return { seq, stream, text: shownText(text), context, child: null };
  }
}

const shownText = (text: string): string => shorten(text.replaceAll("\t", " "), MAX_TEXT);

/** The line of the cause, its index in the output, and whether it belongs to the lines before it. */
type Headline = Pick<CauseCandidate, "line" | "index" | "isWrapper">;

/** Returns the best candidate: the first good one of each burst of errors, of these the one with the most points. */
const choose = (candidates: readonly CauseCandidate[], count: number): CauseCandidate | null => {
  let best: CauseCandidate | null = null;
  let bestPoints = 0;
  let start = 0;
  while (start < candidates.length) {
    let end = start + 1;
    while (end < candidates.length && (candidates[end]?.gap ?? 0) <= BURST_GAP) end++;
    const chosen = firstGood(candidates.slice(start, end));
    const points = chosen === null ? 0 : chosen.points + (NEARNESS * chosen.index) / Math.max(1, count - 1);
    // A summary at the end can repeat the line as it is: then the first one has what belongs to it below.
    const isRepeated = best !== null && best.line.text === chosen?.line.text && best.points >= chosen.points;
    if (chosen !== null && points >= bestPoints && !isRepeated) {
      best = chosen;
      bestPoints = points;
    }
    start = end;
  }
  return best;
};

/** Number of lines at the start of a burst among which one is looked for that says the same as a later one. */
const MAX_SAME = 50;

const firstGood = (burst: readonly CauseCandidate[]): CauseCandidate | null => {
  let most = MIN_POINTS;
  for (const { points } of burst) most = Math.max(most, points);
  const chosen = burst.find(({ points }) => points >= MIN_POINTS && points >= most - BURST_TOLERANCE);
  if (chosen === undefined || chosen === burst[0]) return chosen ?? null;
  // A number can look like a reason: `item 404 failed`.
  const shape = normalise(chosen.line.text);
  const isSame = ({ line, points }: CauseCandidate): boolean => points >= MIN_POINTS && normalise(line.text) === shape;
  return burst.slice(0, MAX_SAME).find(isSame) ?? chosen;
};

/**
 * Returns the lines that belong to the headline: those of its stream that follow, or those before it if it only says that something failed
 * and there are any.
 */
const contextOf = (lines: readonly OutputLine[], chosen: Headline, known: ReadonlySet<string>): readonly string[] => {
  const before = chosen.isWrapper ? neighbours(lines, chosen, { step: -1, known }) : [];
  return before.length > 0 ? before.toReversed() : neighbours(lines, chosen, { step: 1, known });
};

/** Returns false for what says nothing about the line above: frames of its stack trace, rows of dashes, and lesser messages of a log. */
const belongsBelow = (text: string): boolean => {
  if (text === "") return true;
  const level = levelOf(withoutPrefixes(text.trimStart()));
  const isLesser = level === "warning" || level === "information" || level === "debug";
  return /[\p{L}\p{N}]/u.test(text) && !isLesser && !isFrame(text);
};

const neighbours = (
  lines: readonly OutputLine[],
  { line, index }: Headline,
  { step, known }: { readonly step: 1 | -1; readonly known: ReadonlySet<string> },
): readonly string[] => {
  const context: string[] = [];
  for (let next = index + step; next >= 0 && next < lines.length && context.length < MAX_CONTEXT; next += step) {
    const each = lines[next];
    if (each === undefined || each.seq === line.seq || (step === 1 && each.stream !== line.stream)) continue;
    // A terminal shows only the last segment of a progress bar.
    if (lines[next + 1]?.seq === each.seq) continue;
    const text = plainLine(each.text);
    if (step === 1 && !belongsBelow(text)) continue;
    if (isCleanup(text) || (known.size > 0 && known.has(normalise(text)))) break;
    if (text !== "") context.push(text);
  }
  return context;
};
