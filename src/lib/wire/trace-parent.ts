/** A span that something else continues, as in the headers of W3C Trace Context (https://www.w3.org/TR/trace-context/). */
export type TraceParent = {
  /** 32 hexadecimal digits, not only zeros. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not only zeros. */
  readonly spanId: string;
  /** False if nobody records the trace. */
  readonly isSampled: boolean;
  /** What tracing systems add (`tracestate`); null for nothing. */
  readonly state: string | null;
};

/** The headers of a request or a message that say which span caused it. */
export const TRACE_HEADERS = ["traceparent", "tracestate"] as const;

/** Maximum length of `tracestate` that is passed on. The standard asks for at least 512 characters. */
const MAX_STATE = 512;

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads the headers `traceparent` and `tracestate`. Returns null for headers that the standard says to ignore. */
export const parseTraceParent = (parent: string | null, state: string | null = null): TraceParent | null => {
  const [, version, traceId = "", spanId = "", flags = "", more] = PARENT.exec(parent?.trim() ?? "") ?? [];
  // Later versions may append fields.
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return null;
  if (/^0*$/.test(traceId) || /^0*$/.test(spanId)) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1, state: checkedState(state) };
};

const checkedState = (state: string | null): string | null => {
  const trimmed = state?.trim() ?? "";
  return trimmed !== "" && trimmed.length <= MAX_STATE && /^[\x20-\x7e]*$/.test(trimmed) ? trimmed : null;
};

/** Returns the value of `traceparent` for what a span causes. */
const formatTraceParent = ({ traceId, spanId, isSampled }: TraceParent): string =>
  `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;

/** Returns the variables by which a program continues a trace, as OpenTelemetry specifies them; none without a trace. */
export const traceVariables = (trace: TraceParent | null): Readonly<Record<string, string>> =>
  trace === null
    ? {}
    : { TRACEPARENT: formatTraceParent(trace), ...(trace.state !== null && { TRACESTATE: trace.state }) };

/** Returns the headers by which the receiver of a request continues a trace; none without a trace. */
export const traceHeaders = (trace: TraceParent | null): Readonly<Record<string, string>> =>
  trace === null
    ? {}
    : { traceparent: formatTraceParent(trace), ...(trace.state !== null && { tracestate: trace.state }) };
