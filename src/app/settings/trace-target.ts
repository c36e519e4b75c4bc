import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { PetitError } from "../../domain/errors.ts";
import type { TraceTarget } from "../../engine/traces/tracer.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Settings } from "./settings.ts";

type TraceTargetOptions = {
  readonly settings: Pick<Settings, "otlpEndpoint" | "otlpHeadersFile">;
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
 * of its tasks, so it may be meant for them. Throws `invalid_request` if the headers can't be read, or are not in their form.
 */
export const traceTargetOf = ({ settings, environment, version }: TraceTargetOptions): TraceTarget | null => {
  const { otlpEndpoint: endpoint, otlpHeadersFile: file } = settings;
  if (endpoint === null) return null;
  const base = endpoint.replace(/\/+$/, "");
  return {
    url: base.endsWith(PATH) ? base : base + PATH,
    headers: { ...readVariable(environment[HEADERS] ?? ""), ...(file === null ? {} : readFile(file)) },
    source: {
      version,
      attributes: { "service.name": "petit", "service.version": version, "host.name": hostname() },
    },
  };
};

type Headers = Readonly<Record<string, string>>;

/** Reads `name=value,name=value`, in which values are encoded as in URLs. The values may be secret, so no message has one. */
const readVariable = (text: string): Headers =>
  Object.fromEntries(
    text
      .split(",")
      .filter((part) => part.trim() !== "")
      .map((part, index) => {
        const header = headerOf(part, "=", decoded);
        if (header !== null) return header;
        throw new PetitError(
          "invalid_request",
          `${HEADERS}: part ${index + 1} is not a header; expected NAME=VALUE,NAME=VALUE, with special characters of values encoded as in URLs`,
        );
      }),
  );

/** Reads a file with a header in each line. Empty lines, and those that begin with `#`, are comments. */
const readFile = (path: string): Headers => {
  const lines = readLines(path).map((line, index) => ({ line: line.trim(), number: index + 1 }));
  return Object.fromEntries(
    lines
      .filter(({ line }) => line !== "" && !line.startsWith("#"))
      .map(({ line, number }) => {
        const header = headerOf(line, ":", (value) => value);
        if (header !== null) return header;
        throw new PetitError("invalid_request", `${path}:${number}: this is not a header; expected NAME: VALUE`);
      }),
  );
};

const readLines = (path: string): readonly string[] => {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch (cause) {
    const why = errorMessage(cause);
    throw new PetitError("invalid_request", `the file of otlp_headers_file can't be read: ${why}`, { cause });
  }
};

/** Returns a header, or null for a text that is none. */
const headerOf = (
  text: string,
  separator: string,
  decode: (value: string) => string | null,
): readonly [string, string] | null => {
  const at = text.indexOf(separator);
  const name = text.slice(0, Math.max(0, at)).trim();
  const value = decode(text.slice(at + 1).trim());
  const isHeader = value !== null && /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && /^[\t\x20-\x7e]*$/.test(value);
  return isHeader ? [name, value] : null;
};

/** Returns null for a value that is not encoded as in URLs. */
const decoded = (text: string): string | null => {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
};
