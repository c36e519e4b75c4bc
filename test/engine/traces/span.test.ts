import { expect, test } from "bun:test";
import { encodeRequest, encodeSpan, type Span } from "../../../src/engine/traces/span.ts";
import { decodeRequest } from "../../support/otlp/decode.ts";

const SPAN: Span = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentId: null,
  isParentRemote: false,
  traceState: null,
  name: "job",
  kind: "internal",
  startedAt: 1_767_225_600_123,
  endedAt: 1_767_225_601_456,
  attributes: {},
  events: [],
  links: [],
  error: null,
};

const decoded = (given: Partial<Span>) => {
  const source = { version: "1.2.3", attributes: { "service.name": "petit" } };
  return decodeRequest(encodeRequest(source, [encodeSpan({ ...SPAN, ...given })])).spans[0];
};

test("OpenTelemetry's decoder reads every part of a span", () => {
  expect(
    decoded({
      parentId: "00f067aa0ba902b7",
      isParentRemote: true,
      traceState: "congo=t61rcWkgMzE",
      kind: "client",
      events: [{ name: "started", at: 1_767_225_600_500 }],
      links: [{ traceId: SPAN.traceId, spanId: "aaaaaaaaaaaaaaaa", attributes: { "petit.link": "child" } }],
      error: "exit code 1",
    }),
  ).toEqual({
    traceId: SPAN.traceId,
    spanId: SPAN.spanId,
    parentId: "00f067aa0ba902b7",
    traceState: "congo=t61rcWkgMzE",
    name: "job",
    kind: 3,
    startedAt: 1_767_225_600_123,
    endedAt: 1_767_225_601_456,
    attributes: {},
    events: [{ name: "started", at: 1_767_225_600_500 }],
    links: [{ traceId: SPAN.traceId, spanId: "aaaaaaaaaaaaaaaa", attributes: { "petit.link": "child" } }],
    status: { code: 2, message: "exit code 1" },
    flags: 0x301,
  });
  expect(decoded({})).toMatchObject({ parentId: "", traceState: "", status: { code: 0 }, flags: 0x101 });
});

test("attributes keep their types and values, and those without a value are left out", () => {
  const attributes = {
    text: "é 漢 😀",
    empty: "",
    no: false,
    yes: true,
    zero: 0,
    seven_bits: 127,
    eight_bits: 128,
    large: 2 ** 40 + 3,
    largest: Number.MAX_SAFE_INTEGER - 1,
    fraction: 0.25,
    negative: -1,
    nothing: null,
    missing: undefined,
  };
  const { nothing: _nothing, missing: _missing, ...given } = attributes;
  expect(decoded({ attributes })?.attributes).toEqual(given);
});

test("texts are cut at 1,024 characters, between characters, and stay valid", () => {
  const long = `${"x".repeat(1_022)}😀😀`;
  const span = decoded({ attributes: { long, broken: "a\ud83d" }, error: long });
  expect(span?.attributes).toEqual({ long: `${"x".repeat(1_022)}…`, broken: "a\ufffd" });
  expect(span?.status.message).toBe(`${"x".repeat(1_022)}…`);
});

test("a span that ends before it started, because a clock was set back, has no duration", () => {
  expect(decoded({ endedAt: SPAN.startedAt - 60_000 })).toMatchObject({
    startedAt: SPAN.startedAt,
    endedAt: SPAN.startedAt,
  });
});
