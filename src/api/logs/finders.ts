import { ErrorLines } from "../../domain/output/error-lines.ts";
import { removeEscapes } from "../../lib/text.ts";
import type { OutputChunk } from "../../store/output.ts";
import { linesOf } from "../shapes/log.ts";

/** Finds lines in one pass over the chunks of a run, in their order. */
export type LineFinder = {
  /** Returns the indexes, from 0, of the matching lines of a chunk, starting at line `skip`. */
  readonly find: (chunk: OutputChunk, skip: number) => readonly number[];
  /** Approximate number of bytes between two yields to other work; takes about 2 ms. */
  readonly sliceBytes: number;
  /** Approximate maximum of bytes that one request searches. */
  readonly maxBytes: number;
};

type TextQuery = { readonly text: string; readonly matchCase: boolean };

/** Returns a finder of the lines that contain a text, ignoring escape sequences. */
export const textFinder = ({ text, matchCase }: TextQuery): LineFinder => {
  const foldCase = (value: string): string => (matchCase ? value : value.toLowerCase());
  const wanted = foldCase(text);
  const find = (chunk: OutputChunk, skip: number): readonly number[] => {
    const content = foldCase(removeEscapes(decoder.decode(chunk.bytes)));
    const lines: number[] = [];
    let [line, from] = [0, 0];
    for (let at = content.indexOf(wanted); at !== -1; at = content.indexOf(wanted, from)) {
      for (let end = content.indexOf("\n", from); end !== -1 && end < at; end = content.indexOf("\n", from)) {
        line++;
        from = end + 1;
      }
      if (line >= skip) lines.push(line);
      const end = content.indexOf("\n", at);
      if (end === -1) break;
      line++;
      from = end + 1;
    }
    return lines;
  };
  return { find, sliceBytes: 512 * 1024, maxBytes: 256 * 1024 * 1024 };
};

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Returns a finder of the lines that look like errors. It is slower than a search for a text, so a request searches less. */
export const errorFinder = (): LineFinder => {
  const errors = new ErrorLines();
  const find = (chunk: OutputChunk, skip: number): readonly number[] => {
    const { taskId, item, attempt, stream } = chunk;
    return linesOf(chunk, skip).flatMap(({ text }, index) =>
      errors.isError({ writer: `${taskId} ${item} ${attempt}`, stream, text }) ? [skip + index] : [],
    );
  };
  return { find, sliceBytes: 16 * 1024, maxBytes: 4 * 1024 * 1024 };
};
