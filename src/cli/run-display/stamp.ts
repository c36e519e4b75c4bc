import { endsLine, linesOf } from "../terminal/lines.ts";
import type { Chunk } from "./chunk.ts";

/** Puts the time before each line, as `?timestamps` does. A line that goes on in a later chunk has it once. */
export const stamper = (): ((chunk: Chunk) => Uint8Array) => {
  const open = new Set<string>();
  return ({ taskId, attempt, stream, at, bytes }) => {
    const writer = `${taskId} ${attempt} ${stream}`;
    const time = Buffer.from(`${new Date(at).toISOString()} `);
    const goesOn = open.has(writer);
    const parts = linesOf(bytes).flatMap((line, index) => (index === 0 && goesOn ? [line] : [time, line]));
    if (endsLine(bytes)) open.delete(writer);
    else open.add(writer);
    return Buffer.concat(parts);
  };
};
