import { hostname } from "node:os";
import { PetitError } from "../../domain/errors.ts";
import type { TraceTarget } from "../../engine/traces/tracer.ts";
import type { Settings } from "./settings.ts";

type TraceTargetOptions = {
  readonly settings: Pick<Settings, "otlpEndpoint">;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** petit's version. */
  readonly version: string;
};

/** The path of traces at a receiver (https://opentelemetry.io/docs/specs/otlp/#otlphttp-request). */
const PATH = "/v1/traces";

/** The variable of the standard for what a receiver asks for, such as a key. */
const HEADERS = "OTEL_EXPORTER_OTLP_HEADERS";

/**
 * Returns where traces are sent; null if nowhere. The endpoint of the standard's variable does not count: petit's environment is also that
 * of its tasks, so it may be meant for them. Throws `invalid_request` if the headers are not in their form.
 */
export const traceTargetOf = ({ settings, environment, version }: TraceTargetOptions): TraceTarget | null => {
  const { otlpEndpoint: endpoint } = settings;
  if (endpoint === null) return null;
  const base = endpoint.replace(/\/+$/, "");
  return {
    url: base.endsWith(PATH) ? base : base + PATH,
    headers: readHeaders(environment[HEADERS] ?? ""),
    source: {
      version,
      attributes: { "service.name": "petit", "service.version": version, "host.name": hostname() },
    },
  };
};

/** Reads `name=value,name=value`, in which values are encoded as in URLs. The values may be secret, so no message has one. */
const readHeaders = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .split(",")
      .filter((part) => part.trim() !== "")
      .map((part, index) => {
        const at = part.indexOf("=");
        const name = part.slice(0, Math.max(0, at)).trim();
        const value = decoded(part.slice(at + 1).trim());
        if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || value === null)
          throw new PetitError(
            "invalid_request",
            `${HEADERS}: part ${index + 1} is not a header; expected NAME=VALUE,NAME=VALUE, with special characters of values encoded as in URLs`,
          );
        return [name, value];
      }),
  );

/** Returns null for what no header can have. */
const decoded = (text: string): string | null => {
  try {
    const value = decodeURIComponent(text);
    return /^[\t\x20-\x7e]*$/.test(value) ? value : null;
  } catch {
    return null;
  }
};
