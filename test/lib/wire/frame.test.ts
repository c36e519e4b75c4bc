import { expect, test } from "bun:test";
import { decodeFrame, encodeFrame } from "../../../src/lib/wire/frame.ts";

test("a frame is the same after it was encoded and decoded", () => {
  const header = { text: "größer", list: [1, null] };
  const body = new Uint8Array([0, 255, 10]);
  expect(decodeFrame(encodeFrame(header, body))).toEqual({ header, body });
  expect(decodeFrame(encodeFrame(header))).toEqual({ header, body: new Uint8Array() });
});

test.each([
  ["nothing", []],
  ["half a length", [0, 0]],
  ["a header that is longer than the message", [0, 0, 0, 9, 123, 125]],
  ["a header that is not JSON", [0, 0, 0, 2, 123, 123]],
  ["a header that is not UTF-8", [0, 0, 0, 3, 34, 255, 34]],
  ["an answer of JetStream", [...new TextEncoder().encode('{"stream":"OBJ_x","seq":1}')]],
])("%s is not a frame", (_, bytes) => {
  expect(decodeFrame(new Uint8Array(bytes))).toBeNull();
});
