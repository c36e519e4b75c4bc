import { endsLine, linesOf } from "../terminal/lines.ts";
import type { OutputChunk } from "./output-chunk.ts";

/** Returns a function that puts the time before each line, as `?timestamps` does, once even if a line spans several chunks. */
export const timestamper = (): ((chunk: OutputChunk) => Uint8Array) => {
  const unfinished = new Set<string>();
  return ({ taskId, attempt, stream, at, bytes }) => {
    const writer = `${taskId} ${attempt} ${stream}`;
    const time = Buffer.from(`${new Date(at).toISOString()} `);
    const continuesLine = unfinished.has(writer);
    const parts = linesOf(bytes).flatMap((line, index) => (index === 0 && continuesLine ? [line] : [time, line]));
    if (endsLine(bytes)) unfinished.delete(writer);
    else unfinished.add(writer);
    return Buffer.concat(parts);
  };
};
