import type { HttpBody, HttpProgram } from "../../domain/job.ts";
import type { TaskFields } from "../schema/job.ts";
import { buildTextOrSecret } from "./secret.ts";

export const buildHttp = (fields: TaskFields): HttpProgram => {
  const status = fields.expect?.status;
  return {
    type: "http",
    url: fields.url ?? "",
    method: fields.method ?? "GET",
    headers: Object.fromEntries(
      Object.entries(fields.headers ?? {}).map(([name, value]) => [name, buildTextOrSecret(value)]),
    ),
    body: buildBody(fields),
    statuses: typeof status === "number" ? [status] : (status ?? null),
    outputs: fields.outputs ?? {},
    caFile: fields.ca_file ?? null,
  };
};

const buildBody = ({ json, body, form, file }: TaskFields): HttpBody | null => {
  if (json !== undefined) return { kind: "json", value: json };
  if (body !== undefined) return { kind: "text", text: body };
  if (form !== undefined) return { kind: "form", fields: form };
  return file === undefined ? null : { kind: "file", path: file };
};
