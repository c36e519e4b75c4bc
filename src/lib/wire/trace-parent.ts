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
