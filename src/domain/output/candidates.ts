import type { OutputStream } from "../task-run.ts";
import { type ErrorRank, isBareException, isCleanup, isLabel, isMessage, MIN_POINTS, rankLine } from "./error-rank.ts";
import { levelOf, withoutPrefixes } from "./log-level.ts";
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
  /** The message right before an open traceback, or before `thrown`: it only announces the exception. */
  announcement: CauseCandidate | null;
  /** The exception of the last traceback. */
  raised: CauseCandidate | null;
  /** The exception that the frames and causes that follow belong to. */
  thrown: CauseCandidate | null;
  /** The candidate in the line before, or null. */
  previous: CauseCandidate | null;
  /** What a runner printed before the last traceback, and so before each line of it; null if nothing. */
  lead: RegExp | null;
  /** The line before, if it is a message. */
  above: Current | null;
  /** The line before was a header. */
  header: CauseCandidate | null;
  /** Within what Gradle prints below "What went wrong". */
  isReason: boolean;
};

const initialState = (): StreamState => ({
  traceback: null,
  announcement: null,
  lead: null,
  raised: null,
  thrown: null,
  previous: null,
  above: null,
  header: null,
  isReason: false,
});

const TRACEBACK = "Traceback (most recent call last):";
const CHAINED = /^\s*(?:During handling of the above exception|The above exception was the direct cause)/;
/** Lines of stack traces. */
const FRAMES: readonly RegExp[] = [
  // Java, Node, .NET
  /^\s+(?:at [\w$<.(/:@]|\.\.\. \d+ (?:more|lines|(?:common )?frames)\b|--- End of )/,
  /^Driver stacktrace:$/,
  // Python, Ruby, Rust
  /^\s+(?:File ".+", line \d|from \S+:\d+:in|\d+: \S+::)/,
  /^stack backtrace:$/,
  // Haskell
  /^CallStack \(from HasCallStack\):$|^\s+\S{1,80}, called at \S+:\d+:\d+/,
  // PHP
  /^(?:PHP )?Stack trace:$|^#\d+ (?:\/|\{main\}|\[internal|[A-Z]:\\|\S+\(\d+\))/,
  // Go
  /^goroutine \d+ \[|^\[signal SIG|^\t\S+\.go:\d+|^[\w./*()-]{1,160}\([^()]{0,200}\)$/,
];
/** What stands between a message without a word for an error and its stack trace. */
const TRACE_HEADS =
  /^(?:CallStack \(from HasCallStack\)|stack (?:backtrace|traceback)|(?:PHP )?Stack trace):?$|^\s+at .{1,200}[(:]\S+:\d+(?::\d+)?\)?$/i;
const THROWN: ErrorRank = { points: 52, isHeader: false, isWrapper: false };

/** Returns true for a line that only separates what is above it from what is below it. */
const isRule = (text: string): boolean => /^\s*[-=_*~]{3,}\s*$/.test(text);

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
/** What a container, a build or a remote side prints before each line, and what stands for the beginning of a very long one. */
const STREAM_PREFIX =
  /^(?:… (?!\.)|remote: |Remote: |[\w.-]{1,40} +\| |#\d{1,4} (?:\d+\.\d+ |(?=ERROR))|\s*[│┃|] ?|\s*[╷╵╭╰]─*>? ?|\[(?:stderr|stdout)\] )/;

/** A line, with what the lines before it mean for it. */
type Current = {
  readonly line: OutputLine;
  /** As a terminal shows it, and the same without the prefix of its stream. */
  readonly shown: string;
  readonly text: string;
  readonly index: number;
  readonly state: StreamState;
  /** Another program has printed it than the last traceback. */
  readonly isForeign: boolean;
  /** The line before, if it is a candidate, and if it is a header. */
  readonly previous: CauseCandidate | null;
  readonly header: CauseCandidate | null;
  /** The same as `previous`, or else the candidate in the line before of the other stream: a log can be on stdout, and a traceback on stderr. */
  readonly above: CauseCandidate | null;
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
    const isLed = state.lead?.test(shown) ?? false;
    const text = isLed && state.lead !== null ? shown.replace(state.lead, "") : shown.replace(STREAM_PREFIX, "");
    if (text.trim() === "") {
      state.isReason = false;
      return;
    }
    // Several programs can print in turn.
    const isForeign = state.lead !== null && !isLed;
    const { previous, header } = state;
    const above = previous ?? (this.#gap === 0 ? (this.candidates.at(-1) ?? null) : null);
    const current: Current = { line, shown, text, index, state, isForeign, previous, header, above };
    state.header = null;
    state.previous = null;
    if (RETRYING.test(text)) this.#markRetried();
    const message = state.above;
    state.above = null;
    const isNear = this.candidates.length > 0 && this.#gap <= BURST_GAP;
    if (TRACE_HEADS.test(text) && message !== null && !isNear) this.#push(message, THROWN);
    if (belongsToTrace(current)) return;
    if (!isForeign && isMessage(text)) state.above = current;
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

  #rank({ line, shown, text, index, state, isForeign, previous, header }: Current): ErrorRank | null {
    const traceback = isForeign ? null : state.traceback;
    if (traceback !== null && indentOf(text) > traceback) return null;
    const nested = state.isReason ? NESTED_REASON.exec(text) : null;
    if (header !== null && isLabel(text)) {
      // What the header announces is below.
      state.header = header;
      return null;
    }
    if (previous !== null && isRule(text)) state.previous = previous;
    const rank = rankLine(nested?.[2] ?? text, line.stream);
    let points = rank?.points ?? 0;
    if (traceback !== null && rank?.isWrapper !== true) points = Math.max(points, RAISED);
    if (nested !== null && rank?.isWrapper !== true) points = GRADLE_REASON + NESTED * (nested[1]?.length ?? 0);
    if (header !== null) points = Math.max(points, header.points + BELOW_HEADER);
    if (isCleanup(text)) this.#cleanupUntil = index + CLEANUP_LINES;
    else if (index <= this.#cleanupUntil) points += AFTER_CLEANUP;
    if (points >= MIN_POINTS && this.#known.size > 0 && this.#known.has(normalise(shown))) {
      // It explains nothing, but ends the traceback above it.
      if (!isForeign) state.traceback = null;
      return null;
    }
    return points < MIN_POINTS
      ? null
      : { points, isHeader: rank?.isHeader ?? false, isWrapper: rank?.isWrapper ?? false };
  }

  #push(
    { line, shown, text, index, state, isForeign, header, above }: Current,
    { points, isHeader, isWrapper }: ErrorRank,
  ): void {
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
    if (state.traceback !== null && !isForeign) {
      state.traceback = null;
      state.raised = candidate;
      if (!isWrapper) discount(state.announcement);
      state.announcement = null;
    } else state.announcement = isWrapper ? null : above;
    if (CAUSED_BY.test(text) && state.thrown !== null) {
      // `Connection to db:5432 refused`, caused by `Connection refused`, says more than its cause.
      const saysLess =
        isBareException(text) && !isBareException(state.thrown.line.text) && state.thrown.points >= points;
      if (saysLess) candidate.points += WRAPS_CAUSE;
      else {
        state.thrown.points += WRAPS_CAUSE;
        candidate.points += TRACED;
      }
    }
    if (header !== null) header.points += HEADER;
    state.thrown = candidate;
    state.previous = candidate;
    state.header = isHeader ? candidate : null;
  }
}

/** Returns true for lines that are no messages but belong to what is above them, and lets these know. */
const belongsToTrace = ({ shown, text, state, previous, above }: Current): boolean => {
  if (text.endsWith(TRACEBACK)) {
    state.lead = leadOf(shown.slice(0, -TRACEBACK.length));
    state.traceback = state.lead === null ? indentOf(text) : 0;
    state.announcement = above;
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
  if (previous !== null && previous === state.thrown) {
    previous.points += TRACED;
    if (isLogged(state.announcement)) discount(state.announcement);
    state.announcement = null;
  }
  return true;
};

/** Takes points from a message that only announces the exception below it. */
const discount = (announcement: CauseCandidate | null): void => {
  if (announcement !== null) announcement.points += WRAPS_CAUSE;
};

/** Returns true for a message with a level, as logs have it. */
const isLogged = (candidate: CauseCandidate | null): boolean =>
  candidate !== null && levelOf(withoutPrefixes(candidate.line.text.trimStart())) !== null;

/** Maximum number of characters of what a runner prints before each line. */
const MAX_LEAD = 120;

/** Returns a pattern for the text before a traceback, with any numbers; null for none or an indentation. */
const leadOf = (text: string): RegExp | null => {
  if (text.trim() === "" || text.length > MAX_LEAD) return null;
  const parts = text.split(/\d+/).map((part) => part.replace(/[^\w\s]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join(String.raw`\d+`)}`);
};

const indentOf = (text: string): number => text.length - text.trimStart().length;
