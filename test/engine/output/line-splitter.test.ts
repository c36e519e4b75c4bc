import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type LineChunk, LineSplitter, MAX_CHUNK_BYTES } from "../../../src/engine/output/line-splitter.ts";
import { measureCpu } from "../../support/cpu-time.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const cut = (parts: readonly Uint8Array[], maxBytes?: number): readonly LineChunk[] => {
  const splitter = new LineSplitter(maxBytes);
  const chunks = parts.flatMap((part) => splitter.push(part));
  const last = splitter.flush();
  return last === null ? chunks : [...chunks, last];
};

const texts = (chunks: readonly LineChunk[]): readonly string[] =>
  chunks.map((chunk) => `${chunk.lines} ${Buffer.from(chunk.bytes).toString()}`);

/** Generates a stream in pieces, with newlines and characters of every length. */
const anyParts = fc
  .array(fc.constantFrom("a", "\n", "\r\n", "ä", "€", "😀", "xxxxx"), { maxLength: 60 })
  .chain((characters) => {
    const all = bytes(characters.join(""));
    return fc.array(fc.nat(all.length), { maxLength: 8 }).map((cuts) => {
      const places = [0, ...cuts.toSorted((a, b) => a - b), all.length];
      return places.slice(1).map((place, index) => all.subarray(places[index], place));
    });
  });

describe("LineSplitter", () => {
  test.each([
    [[], []],
    [[""], []],
    [["one\ntwo\n"], ["2 one\ntwo\n"]],
    [
      ["one\ntw", "o\n"],
      ["1 one\n", "1 two\n"],
    ],
    [["a", "b", "c"], ["1 abc"]],
    [
      ["one\n", "two"],
      ["1 one\n", "1 two"],
    ],
    [["\n\n\n"], ["3 \n\n\n"]],
  ] as const)("splits %j into chunks of whole lines: %j", (parts, expected) => {
    expect(texts(cut(parts.map(bytes)))).toEqual(expected as unknown as string[]);
  });

  test("preserves all bytes, bounds chunks, and splits no characters and no lines that fit", () => {
    fc.assert(
      fc.property(anyParts, fc.integer({ min: 4, max: 40 }), (parts, maxBytes) => {
        const chunks = cut(parts, maxBytes);
        const all = Buffer.concat(parts);
        expect(Buffer.concat(chunks.map((chunk) => chunk.bytes))).toEqual(all);
        for (const [index, chunk] of chunks.entries()) {
          const text = Buffer.from(chunk.bytes).toString("latin1");
          const isLast = index === chunks.length - 1;
          expect(chunk.bytes.length).toBeGreaterThan(0);
          expect(chunk.bytes.length).toBeLessThanOrEqual(maxBytes);
          expect(chunk.lines).toBe((text.match(/\n/g)?.length ?? 0) + (text.endsWith("\n") ? 0 : 1));
          // Only a line that fills a chunk is split, and a chunk holds one piece of one line.
          if (!isLast && !text.endsWith("\n")) expect(text).not.toContain("\n");
          if (!isLast && !text.endsWith("\n")) expect(chunk.bytes.length).toBeGreaterThan(maxBytes - 4);
          expect(() => new TextDecoder("utf-8", { fatal: true }).decode(chunk.bytes)).not.toThrow();
        }
      }),
      { numRuns: 500 },
    );
  });

  test("preserves any bytes, text or not", () => {
    const anyBytes = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 });
    fc.assert(
      fc.property(anyBytes, fc.integer({ min: 4, max: 20 }), (parts, maxBytes) => {
        expect(Buffer.concat(cut(parts, maxBytes).map((chunk) => chunk.bytes))).toEqual(Buffer.concat(parts));
      }),
    );
  });

  test("returns the number of buffered bytes", () => {
    const splitter = new LineSplitter();
    splitter.push(bytes("one\ntw"));
    expect(splitter.pending).toBe(2);
    splitter.push(bytes("o"));
    expect(splitter.pending).toBe(3);
    splitter.push(bytes("\n"));
    expect(splitter.pending).toBe(0);
    expect(splitter.flush()).toBeNull();
  });

  test("copies its input, so that the caller can reuse the buffer", () => {
    const splitter = new LineSplitter();
    const buffer = bytes("abc");
    splitter.push(buffer);
    buffer.fill(0);
    expect(texts(splitter.push(bytes("\n")))).toEqual(["1 abc\n"]);
  });

  test("discards the buffered bytes, and returns their number", () => {
    const splitter = new LineSplitter();
    splitter.push(bytes("one\ntw"));
    expect(splitter.discard()).toBe(2);
    expect(splitter.pending).toBe(0);
    expect(texts(splitter.push(bytes("three\n")))).toEqual(["1 three\n"]);
  });

  test("takes a line of 8 MiB in small pieces without scanning bytes repeatedly", () => {
    const piece = new Uint8Array(1_000).fill(120);
    const cpuMs = measureCpu();
    const chunks = cut(Array.from({ length: 8_000 }, () => piece));
    expect(chunks.every((chunk) => chunk.bytes.length <= MAX_CHUNK_BYTES)).toBe(true);
    expect(chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0)).toBe(8_000_000);
    expect(cpuMs()).toBeLessThan(1_000);
  });
});
