import { expect, test } from "bun:test";
import { ErrorLines } from "../../../src/domain/output/error-lines.ts";

const isError = (text: string): boolean => new ErrorLines().isError({ writer: "a", stream: "stdout", text });

test("a number that is also a status of HTTP makes no line an error", () => {
  const ordinary = [
    "processed 404 Records of 500",
    "404 Files copied",
    "wrote 503 Rows to s3",
    "synced 404 of 500 files",
    "took 429 ms",
    "page 404",
  ];
  expect(ordinary.filter(isError)).toEqual([]);
});

test("a status of HTTP with its text or its protocol makes a line an error", () => {
  const errors = ["404 Not Found", "GET /orders: 503 Service Unavailable", "HTTP/1.1 502 Bad Gateway", "HTTP 404"];
  expect(errors.filter(isError)).toEqual(errors);
});
