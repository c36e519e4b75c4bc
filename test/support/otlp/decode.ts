import root from "@opentelemetry/otlp-transformer/build/src/generated/root.js";

/** A span as OpenTelemetry's own decoder reads it. Ids are in hexadecimal, times in ms since the Unix epoch. */
export type DecodedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty without a parent. */
  readonly parentId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Values;
  readonly events: readonly { readonly name: string; readonly at: number }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: Values }[];
  readonly status: { readonly code: number; readonly message: string };
  readonly flags: number;
};

/** A request with spans. */
export type DecodedRequest = {
  readonly resource: Values;
  readonly scope: { readonly name: string; readonly version: string };
  readonly spans: readonly DecodedSpan[];
};

export type Values = Readonly<Record<string, string | number | boolean>>;

type KeyValue = { readonly key: string; readonly value: Readonly<Record<string, string | number | boolean>> };
type WireSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly events: readonly { readonly name: string; readonly timeUnixNano: string }[];
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes: readonly KeyValue[];
  }[];
  readonly status: { readonly code: number; readonly message: string } | null;
  readonly flags: number;
};
type WireRequest = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string; readonly version: string };
      readonly spans: readonly WireSpan[];
    }[];
  }[];
};

/** The generated code has no types. The fields that petit does not know are lost, so a wrong number of a field is a missing field. */
const { opentelemetry } = root as unknown as {
  opentelemetry: {
    proto: {
      collector: {
        trace: {
          v1: {
            ExportTraceServiceRequest: {
              decode(bytes: Uint8Array): unknown;
              toObject(message: unknown, options: object): unknown;
            };
          };
        };
      };
    };
  };
};

/** Decodes a request with the definitions of OpenTelemetry. Throws if it is none, or if it has not exactly one resource and one scope. */
export const decodeRequest = (bytes: Uint8Array): DecodedRequest => {
  const type = opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
  const options = { longs: String, bytes: String, defaults: true, arrays: true };
  const { resourceSpans } = type.toObject(type.decode(bytes), options) as WireRequest;
  const [of, ...otherResources] = resourceSpans;
  const [scoped, ...otherScopes] = of?.scopeSpans ?? [];
  if (of === undefined || scoped === undefined || otherResources.length + otherScopes.length > 0)
    throw new Error(`expected one resource and one scope: ${JSON.stringify(resourceSpans).slice(0, 200)}`);
  const { name, version } = scoped.scope;
  return { resource: valuesOf(of.resource.attributes), scope: { name, version }, spans: scoped.spans.map(spanOf) };
};

const spanOf = (span: WireSpan): DecodedSpan => ({
  traceId: hex(span.traceId),
  spanId: hex(span.spanId),
  parentId: hex(span.parentSpanId),
  traceState: span.traceState,
  name: span.name,
  kind: span.kind,
  startedAt: milliseconds(span.startTimeUnixNano),
  endedAt: milliseconds(span.endTimeUnixNano),
  attributes: valuesOf(span.attributes),
  events: span.events.map(({ name, timeUnixNano }) => ({ name, at: milliseconds(timeUnixNano) })),
  links: span.links.map((link) => ({
    traceId: hex(link.traceId),
    spanId: hex(link.spanId),
    attributes: valuesOf(link.attributes),
  })),
  status: { code: span.status?.code ?? 0, message: span.status?.message ?? "" },
  flags: span.flags,
});

const hex = (base64: string): string => Buffer.from(base64, "base64").toString("hex");

/** Rounded, since the decoder returns the nearest number without the last digits. */
const milliseconds = (nanoseconds: string): number => Math.round(Number(nanoseconds) / 1e6);

const valuesOf = (attributes: readonly KeyValue[]): Values =>
  Object.fromEntries(
    attributes.map(({ key, value }) => {
      const [[kind, given] = [], ...others] = Object.entries(value);
      if (kind === undefined || given === undefined || others.length > 0)
        throw new Error(`the attribute ${key} has not exactly one value`);
      return [key, kind === "intValue" ? Number(given) : given];
    }),
  );
