import { expect, test } from "bun:test";
import { SpanBuffer } from "../../../src/engine/traces/span-buffer.ts";

const span = (length: number) => new Uint8Array(length);

test("holds no more spans and bytes than its bounds", () => {
  const few = new SpanBuffer({ spans: 2, bytes: 100 });
  expect([few.add(span(1)), few.add(span(1)), few.add(span(1)), few.length]).toEqual([true, true, false, 2]);
  const small = new SpanBuffer({ spans: 10, bytes: 10 });
  expect([small.add(span(6)), small.add(span(5)), small.add(span(4)), small.bytes]).toEqual([true, false, true, 10]);
  small.remove(1);
  expect([small.length, small.bytes, small.add(span(6))]).toEqual([1, 4, true]);
});

test("returns the oldest spans within bounds, and at least one", () => {
  const buffer = new SpanBuffer({ spans: 10, bytes: 100 });
  for (const length of [5, 6, 7]) buffer.add(span(length));
  const lengths = (spans: number, bytes: number) => buffer.first({ spans, bytes }).map(({ length }) => length);
  expect(lengths(2, 100)).toEqual([5, 6]);
  expect(lengths(9, 11)).toEqual([5, 6]);
  expect(lengths(9, 17)).toEqual([5, 6]);
  expect(lengths(9, 18)).toEqual([5, 6, 7]);
  expect(lengths(9, 1)).toEqual([5]);
});
