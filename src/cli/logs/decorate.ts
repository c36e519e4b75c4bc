import { type DecodedChunk, endsLine, linesOf, writerName } from "../run-display/output-chunk.ts";
import { paint, type Screen } from "../terminal/terminal.ts";
import { fitMiddle } from "../terminal/text-width.ts";

/** Returns what precedes each line of a chunk. */
export type LineHead = (chunk: DecodedChunk) => string;

/** Returns the head of lines with the time at which petit read them. */
export const timeHead: LineHead = ({ at }) => `${new Date(at).toISOString()} `;

/** Returns the head of lines with the name of their task and item, at most a third of a terminal's width. */
export const taskHead = (taskIds: readonly string[], screen: Screen): LineHead => {
  let longest = Math.max(0, ...taskIds.map((id) => id.length));
  return (chunk) => {
    const name = writerName(chunk);
    longest = Math.max(longest, name.length);
    const width = screen.isTerminal ? Math.min(longest, Math.max(4, Math.floor(screen.columns() / 3))) : longest;
    return `${paint(screen, chunk.stream === "stdout" ? "cyan" : "yellow", fitMiddle(name, width).padEnd(width))} │ `;
  };
};

type DecorateOptions = {
  /** What precedes each line, in order. */
  readonly heads: readonly LineHead[];
  /** Whether an unfinished line ends where another task or stream continues. Otherwise no byte is added but the heads. */
  readonly endsLines: boolean;
};

/** Returns a function that puts the heads before each line, once even if a line spans several chunks. */
export const lineDecorator = ({ heads, endsLines }: DecorateOptions): ((chunk: DecodedChunk) => Uint8Array) => {
  const unfinished = new Set<string>();
  let last = "";
  return (chunk) => {
    if (heads.length === 0) return chunk.bytes;
    const writer = `${writerName(chunk)} ${chunk.attempt} ${chunk.stream}`;
    const isInterrupted = endsLines && writer !== last && unfinished.delete(last);
    const head = Buffer.from(heads.map((each) => each(chunk)).join(""));
    const parts = linesOf(chunk.bytes).flatMap((line, index) =>
      index === 0 && unfinished.has(writer) ? [line] : [head, line],
    );
    if (endsLine(chunk.bytes)) unfinished.delete(writer);
    else unfinished.add(writer);
    last = writer;
    return Buffer.concat(isInterrupted ? [Buffer.from("\n"), ...parts] : parts);
  };
};
