import { resolve } from "node:path";
import type { HttpProgram } from "../../../domain/job.ts";
import type { Json } from "../../../lib/json.ts";
import type { SecretValues } from "../../secrets/attempt-secrets.ts";
import { findFile } from "../find-file.ts";
import { SpawnError } from "../spawn-error.ts";
import type { HttpRequest, RequestBody, RequestHeader } from "./request.ts";

export type HttpPlanOptions = {
  readonly program: HttpProgram;
  readonly secrets: SecretValues;
  /** The headers of the trace, which those of the program replace. */
  readonly trace: Readonly<Record<string, string>>;
  readonly expand: (text: string) => string;
  readonly expandJson: (value: Json) => Json;
  /** The folder of the job file. */
  readonly folder: string;
  readonly cwd: string;
  readonly resultFile: string;
};

/** Returns the request of an attempt, with its secrets. Throws SpawnError if it can't be sent. */
export const planRequest = (options: HttpPlanOptions): HttpRequest => {
  const { program, expand, folder, resultFile } = options;
  const { method, statuses, outputs, caFile } = program;
  return {
    url: checkedUrl(expand(program.url)),
    method,
    headers: headersOf(options),
    body: bodyOf(options),
    statuses,
    outputs,
    caFile: caFile === null ? null : resolve(folder, caFile),
    resultFile,
  };
};

const checkedUrl = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new SpawnError("EINVAL", `url is not an http or https URL: '${withoutSecrets(text)}'`);
  if (url.username + url.password !== "")
    throw new SpawnError("EINVAL", "url contains a user name or a password; give them in headers");
  return text;
};

/** Returns a text that is no valid URL without what may be a user name, a password or a query of it. */
const withoutSecrets = (text: string): string => text.replace(/[?#].*$/s, "?…").replace(/\/\/.*@/s, "//…@");

const headersOf = ({ program, secrets, trace, expand }: HttpPlanOptions): readonly RequestHeader[] => {
  const names = new Set(Object.keys(program.headers).map((name) => name.toLowerCase()));
  const added = names.has("traceparent") ? [] : Object.entries(trace).filter(([name]) => !names.has(name));
  return [...Object.entries(program.headers), ...added].map(([name, given]) => {
    const value = typeof given === "string" ? expand(given) : (secrets.get(given) ?? "");
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw new SpawnError(
        "EINVAL",
        `the header ${name} has a value that a header can't carry, such as one with a line break`,
      );
    return { name, value, secret: typeof given !== "string" || SENSITIVE.has(name.toLowerCase()) };
  });
};

/** Headers that are never sent to another origin, as in the Fetch standard and in curl. */
const SENSITIVE: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization", "host"]);

const bodyOf = ({ program: { body }, expand, expandJson, folder, cwd }: HttpPlanOptions): RequestBody | null => {
  switch (body?.kind) {
    case undefined:
      return null;
    case "json":
      return { kind: "text", text: JSON.stringify(expandJson(body.value)), contentType: "application/json" };
    case "text":
      return { kind: "text", text: expand(body.text), contentType: "text/plain; charset=utf-8" };
    case "form": {
      const fields = Object.entries(body.fields).map(([name, value]) => [name, expand(value)]);
      const text = new URLSearchParams(fields).toString();
      return { kind: "text", text, contentType: "application/x-www-form-urlencoded" };
    }
    case "file":
      return { kind: "file", path: findFile("file", expand(body.path), { folder, cwd }) };
  }
};
