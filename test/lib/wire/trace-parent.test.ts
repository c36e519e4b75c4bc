import { describe, expect, test } from "bun:test";
import { parseTraceParent, traceHeaders, traceVariables } from "../../../src/lib/wire/trace-parent.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

describe("traceparent", () => {
  test.each([
    [`00-${TRACE}-${SPAN}-01`, true],
    [`  00-${TRACE}-${SPAN}-01\t`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [`00-${TRACE}-${SPAN}-03`, true],
    [`00-${TRACE}-${SPAN}-fe`, false],
    [`cc-${TRACE}-${SPAN}-01`, true],
    [`cc-${TRACE}-${SPAN}-01-what-the-future-brings`, true],
  ])("'%s' is a span", (text, isSampled) => {
    expect(parseTraceParent(text)).toEqual({ traceId: TRACE, spanId: SPAN, isSampled, state: null });
  });

  // The rules of https://www.w3.org/TR/trace-context/#traceparent-header, whose receivers begin a new trace.
  test.each([
    null,
    "",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01-`,
    `cc-${TRACE}-${SPAN}-01.more`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01\n`.repeat(2),
  ])("'%s' is none", (text) => {
    expect(parseTraceParent(text, "a=b")).toBeNull();
  });

  test.each([
    [" congo=t61rcWkgMzE,rojo=00f067aa0ba902b7 ", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"],
    ["x".repeat(512), "x".repeat(512)],
    ["x".repeat(513), null],
    ["", null],
    ["a=é", null],
    ["a=\n", "a="],
    ["a=\nb", null],
  ])("with the state %j passes on %j", (given, state) => {
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-01`, given)?.state).toBe(state);
  });

  test("is passed on as variables and headers", () => {
    const given = { traceId: TRACE, spanId: SPAN, isSampled: true, state: "a=b" };
    expect(traceVariables(given)).toEqual({ TRACEPARENT: `00-${TRACE}-${SPAN}-01`, TRACESTATE: "a=b" });
    expect(traceHeaders({ ...given, isSampled: false, state: null })).toEqual({
      traceparent: `00-${TRACE}-${SPAN}-00`,
    });
    expect([traceVariables(null), traceHeaders(null)]).toEqual([{}, {}]);
  });
});
