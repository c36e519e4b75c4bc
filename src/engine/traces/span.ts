import { shorten } from "../../lib/text.ts";
import {
  type Bytes,
  booleanField,
  bytesField,
  doubleField,
  fixed32Field,
  fixed64Field,
  message,
  textField,
  wholeField,
} from "./protobuf.ts";

/** The values of attributes. Numbers are not negative. Those that are null or undefined are left out. */
type Attributes = { readonly [name: string]: string | number | boolean | null | undefined };

/** The kinds of spans that petit sends, with their numbers in OTLP. */
const KINDS = { internal: 1, server: 2, client: 3 } as const;

/** A part of a trace. Times are in ms since the Unix epoch. */
export type Span = {
  readonly traceId: string;
  readonly spanId: string;
  /** Null for a span that nothing has caused. */
  readonly parentId: string | null;
  /** Whether the parent is a span of another program. */
  readonly isParentRemote: boolean;
  readonly traceState: string | null;
  readonly name: string;
  readonly kind: keyof typeof KINDS;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  /** What went wrong; null if nothing did. */
  readonly error: string | null;
};

type SpanEvent = { readonly name: string; readonly at: number };

/** Another span that a span has to do with. */
export type SpanLink = { readonly traceId: string; readonly spanId: string; readonly attributes: Attributes };

/** Maximum length of a text in a span. */
const MAX_TEXT = 1_024;

/** The number of the status of a span that failed. Others have none, as the standard wants it. */
const STATUS_ERROR = 2;

/** Bits of the flags of a span: its trace is recorded, whether its parent is remote is known, and it is. */
const SAMPLED = 0x1;
const REMOTE_IS_KNOWN = 0x100;
const IS_REMOTE = 0x200;

/**
 * Encodes a span (`Span` of opentelemetry/proto/trace/v1/trace.proto). The library for that, @opentelemetry/otlp-transformer, encodes whole
 * requests only, so the size of a span that waits would be unknown, and takes spans in the form of five packages of the SDK.
 */
export const encodeSpan = (span: Span): Bytes =>
  message(
    bytesField(1, Buffer.from(span.traceId, "hex")),
    bytesField(2, Buffer.from(span.spanId, "hex")),
    ...(span.traceState === null ? [] : [textField(3, span.traceState)]),
    ...(span.parentId === null ? [] : [bytesField(4, Buffer.from(span.parentId, "hex"))]),
    textField(5, span.name),
    wholeField(6, KINDS[span.kind]),
    fixed64Field(7, nanoseconds(span.startedAt)),
    fixed64Field(8, nanoseconds(Math.max(span.startedAt, span.endedAt))),
    ...encodeAttributes(9, span.attributes),
    ...span.events.map(({ name, at }) => bytesField(11, fixed64Field(1, nanoseconds(at)), textField(2, name))),
    ...span.links.map((link) =>
      bytesField(
        13,
        bytesField(1, Buffer.from(link.traceId, "hex")),
        bytesField(2, Buffer.from(link.spanId, "hex")),
        ...encodeAttributes(4, link.attributes),
      ),
    ),
    ...(span.error === null
      ? []
      : [bytesField(15, textField(2, shorten(span.error, MAX_TEXT)), wholeField(3, STATUS_ERROR))]),
    fixed32Field(16, SAMPLED | REMOTE_IS_KNOWN | (span.isParentRemote ? IS_REMOTE : 0)),
  );

const nanoseconds = (ms: number): bigint => BigInt(Math.max(0, Math.round(ms))) * 1_000_000n;

const encodeAttributes = (field: number, attributes: Attributes): readonly Bytes[] =>
  Object.entries(attributes).flatMap(([name, value]) =>
    value === null || value === undefined
      ? []
      : [bytesField(field, textField(1, name), bytesField(2, encodeValue(value)))],
  );

const encodeValue = (value: string | number | boolean): Bytes => {
  if (typeof value === "string") return textField(1, shorten(value, MAX_TEXT));
  if (typeof value === "boolean") return booleanField(2, value);
  return Number.isSafeInteger(value) && value >= 0 ? wholeField(3, value) : doubleField(4, value);
};

/** What sends spans. */
export type TraceSource = { readonly version: string; readonly attributes: Attributes };

/** Encodes a request with encoded spans (`ExportTraceServiceRequest`). */
export const encodeRequest = ({ version, attributes }: TraceSource, spans: readonly Bytes[]): Bytes => {
  const scope = bytesField(1, textField(1, "petit"), textField(2, version));
  const resource = bytesField(1, ...encodeAttributes(1, attributes));
  return bytesField(1, resource, bytesField(2, scope, ...spans.map((span) => bytesField(2, span))));
};
