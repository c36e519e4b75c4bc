import type { OutputStream } from "../task-run.ts";
import { type ErrorRank, isCleanup, MIN_POINTS, rankLine } from "./error-rank.ts";
import { normalise, plainLine } from "./plain-line.ts";

/** A line of the output of an attempt. `seq` is its position in the attempt's output. */
export type OutputLine = { readonly seq: number; readonly stream: OutputStream; readonly text: string };

/** Points of lines that follow the start of a cleanup, and how many lines a cleanup has at most. */
const AFTER_CLEANUP = -24;
const CLEANUP_LINES = 20;
/** Points that the last line of a Python traceback has at least. */
const RAISED = 62;
/** Points of an exception with a stack trace below it, and of one that wraps another one. */
const TRACED = 12;
const WRAPS_CAUSE = -26;
/** What a header such as `error during build:` loses when a line follows it, and by how much that line has fewer points at least. */
const HEADER = -16;
const BELOW_HEADER = -10;
/** Points of an error after which the program tried again. */
const RETRIED = -30;
/** Points of a reason that Gradle lists, and for each column that it is indented. */
const GRADLE_REASON = 64;
const NESTED = 4;
/** Lines of one burst have at most this many other lines between them. */
export const BURST_GAP = 3;

/** A line that may be the cause. Later lines can change its points. */
export type CauseCandidate = {
  readonly line: OutputLine;
  /** Its index in the output. */
  readonly index: number;
  points: number;
  /** Number of ordinary lines since the candidate before it. */
  readonly gap: number;
  /** The program tried again after it. */
  isRetried: boolean;
  /** It only says that something failed. */
  readonly isWrapper: boolean;
};

/** What the lines so far mean for the next line of the same stream. */
type StreamState = {
  /** The indentation of an open Python traceback. Its exception is the next line that is indented no deeper. */
  traceback: number | null;
  /** The exception of the last traceback. */
  raised: CauseCandidate | null;
  /** The exception that the frames and causes that follow belong to. */
  thrown: CauseCandidate | null;
  /** The candidate in the line before, or null. */
  previous: CauseCandidate | null;
  /** The line before was a header. */
  header: CauseCandidate | null;
  /** Within what Gradle prints below "What went wrong". */
  isReason: boolean;
};

const initialState = (): StreamState => ({
  traceback: null,
  raised: null,
  thrown: null,
  previous: null,
  header: null,
  isReason: false,
});

const TRACEBACK = "Traceback (most recent call last):";
const CHAINED = /^\s*(?:During handling of the above exception|The above exception was the direct cause)/;
/** Lines of stack traces. */
const FRAMES: readonly RegExp[] = [
  // Java, Node, .NET
  /^\s+(?:at [\w$<.(/:@]|\.\.\. \d+ (?:more|lines)|--- End of )/,
  /^Driver stacktrace:$/,
  // Python, Ruby, Rust
  /^\s+(?:File ".+", line \d|from \S+:\d+:in|\d+: \S+::)/,
  /^stack backtrace:$/,
  // PHP
  /^(?:PHP )?Stack trace:$|^#\d+ (?:\/|\{main\}|\[internal|[A-Z]:\\|\S+\(\d+\))/,
  // Go
  /^goroutine \d+ \[|^\[signal SIG|^\t\S+\.go:\d+|^[\w./*()-]{1,160}\([^()]{0,200}\)$/,
];
/** Returns true for a line of a stack trace. */
export const isFrame = (text: string): boolean => FRAMES.some((frame) => frame.test(text));

const CAUSED_BY = /^\s*(?:Caused by: |-+> (?=[\w.]+Exception))\S/;
const CARET = /^(?:\s*\d*\s*[|│])?\s*[~^]+(?:[\s~^]*|\s+\S.*)$/;
/** What Gradle prints above the reasons of a failure, and such a reason. The deepest one is the cause. */
const REASONS_FOLLOW = /^\* What went wrong:$/;
const NESTED_REASON = /^( *)> (.+)$/;
/** The attempt before was not the last one. */
const RETRYING =
  /\b(?:attempt|try|retry) ?#?(?:[2-9]|\d\d)\b|\btrying (?!to\b)\w|\b(?:will retry|retrying(?! may)|retries left|trying again|will try again|try again in|reconnecting)\b/i;
const IGNORED = /^\s*(?:\.\.\.ignoring|\(ignored\))\s*$/;
/** What a container, a build or a remote side prints before each line. */
const STREAM_PREFIX =
  /^(?:remote: |Remote: |[\w.-]{1,40} +\| |#\d{1,4} (?:\d+\.\d+ |(?=ERROR))|\s*[│┃|] ?|\s*[╷╵╭╰]─*>? ?|\[(?:stderr|stdout)\] )/;

/** A line, with what the lines before it mean for it. */
type Current = {
  readonly line: OutputLine;
  /** As a terminal shows it, and the same without the prefix of its stream. */
  readonly shown: string;
  readonly text: string;
  readonly index: number;
  readonly state: StreamState;
  /** The line before, if it is a candidate, and if it is a header. */
  readonly previous: CauseCandidate | null;
  readonly header: CauseCandidate | null;
};

/** Collects the lines that may be the cause, in their order. */
export class Collector {
  readonly candidates: CauseCandidate[] = [];
  readonly #known: ReadonlySet<string>;
  readonly #states = { stdout: initialState(), stderr: initialState() };
  #gap = 0;
  #cleanupUntil = -1;

  constructor(known: ReadonlySet<string>) {
    this.#known = known;
  }

  add(line: OutputLine, index: number): void {
    const state = this.#states[line.stream];
    const shown = plainLine(line.text);
    const text = shown.replace(STREAM_PREFIX, "");
    if (text.trim() === "") {
      state.isReason = false;
      return;
    }
    const current: Current = { line, shown, text, index, state, previous: state.previous, header: state.header };
    state.header = null;
    state.previous = null;
    if (RETRYING.test(text)) this.#markRetried();
    if (belongsToTrace(current)) return;
    const rank = this.#rank(current);
    if (rank !== null) this.#push(current, rank);
    else if (!text.startsWith("  ")) this.#gap++;
  }

  /** Takes points from the errors of the attempt that is made again. */
  #markRetried(): void {
    let gap = this.#gap;
    for (let at = this.candidates.length - 1; at >= 0 && gap <= BURST_GAP; at--) {
      const candidate = this.candidates[at];
      if (candidate === undefined || candidate.isRetried) return;
      candidate.points += RETRIED;
      candidate.isRetried = true;
      gap = candidate.gap;
    }
  }

  #rank({ line, shown, text, index, state, header }: Current): ErrorRank | null {
    if (state.traceback !== null && indentOf(text) > state.traceback) return null;
    const nested = state.isReason ? NESTED_REASON.exec(text) : null;
    const rank = rankLine(nested?.[2] ?? text, line.stream);
    let points = rank?.points ?? 0;
    if (state.traceback !== null && rank?.isWrapper !== true) points = Math.max(points, RAISED);
    if (nested !== null) points = GRADLE_REASON + NESTED * (nested[1]?.length ?? 0);
    if (header !== null) points = Math.max(points, header.points + BELOW_HEADER);
    if (isCleanup(text)) this.#cleanupUntil = index + CLEANUP_LINES;
    else if (index <= this.#cleanupUntil) points += AFTER_CLEANUP;
    if (points >= MIN_POINTS && this.#known.size > 0 && this.#known.has(normalise(shown))) {
      // It explains nothing, but ends the traceback above it.
      state.traceback = null;
      return null;
    }
    return points < MIN_POINTS
      ? null
      : { points, isHeader: rank?.isHeader ?? false, isWrapper: rank?.isWrapper ?? false };
  }

  #push({ line, shown, text, index, state, header }: Current, { points, isHeader, isWrapper }: ErrorRank): void {
    const candidate: CauseCandidate = {
      line: { ...line, text: shown },
      index,
      points,
      gap: this.#gap,
      isRetried: false,
      isWrapper,
    };
    this.#gap = 0;
    this.candidates.push(candidate);
    if (state.traceback !== null) {
      state.traceback = null;
      state.raised = candidate;
    }
    if (CAUSED_BY.test(text) && state.thrown !== null) {
      state.thrown.points += WRAPS_CAUSE;
      candidate.points += TRACED;
    }
    if (header !== null) header.points += HEADER;
    state.thrown = candidate;
    state.previous = candidate;
    state.header = isHeader ? candidate : null;
  }
}

/** Returns true for lines that are no messages but belong to what is above them, and lets these know. */
const belongsToTrace = ({ text, state, previous }: Current): boolean => {
  if (text.endsWith(TRACEBACK)) {
    state.traceback = indentOf(text);
    return true;
  }
  if (CHAINED.test(text)) {
    if (state.raised !== null) state.raised.points += WRAPS_CAUSE;
    return true;
  }
  if (CARET.test(text) || IGNORED.test(text)) {
    // The line above is source text, or an error that was ignored.
    if (previous !== null) previous.points = 0;
    return true;
  }
  if (REASONS_FOLLOW.test(text)) {
    state.isReason = true;
    return true;
  }
  if (!isFrame(text)) return false;
  if (previous !== null && previous === state.thrown) previous.points += TRACED;
  return true;
};

const indentOf = (text: string): number => text.length - text.trimStart().length;
