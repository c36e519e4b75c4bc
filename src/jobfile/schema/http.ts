import { HTTP_METHODS } from "../../domain/job.ts";
import type { Field } from "./field.ts";
import { header, headerName } from "./header.ts";
import { SECRET } from "./secret.ts";
import { datum, outputName, path } from "./text.ts";

const status = { kind: "integer", min: 100, max: 599 } as const;

/** The fields of a task that sends an HTTP request. */
export const HTTP_FIELDS = {
  url: {
    type: { kind: "text", form: "a URL", maxLength: 8192, characters: "name" },
    doc: "Where an `http` task sends its request, over http or https; templates are expanded.",
    example: "https://api.example.com/v1/jobs",
  },
  method: {
    type: { kind: "choice", values: HTTP_METHODS },
    doc: "The method of an `http` task.",
    absent: "GET",
    example: "POST",
  },
  headers: {
    type: { kind: "map", keys: headerName, of: { kind: "shape", scalar: header, map: SECRET } },
    doc: "Headers of an `http` task; templates are expanded in the values. A value can also be a secret: `{env: NAME}`, `{file: PATH}` or `{credential: NAME}`.",
    example: { Authorization: { env: "PETIT_API_AUTH" } },
  },
  json: {
    type: { kind: "json" },
    doc: "What an `http` task sends, as JSON; templates are expanded in all texts in it.",
    example: { day: "${{ params.day }}" },
  },
  body: {
    type: { kind: "text", form: "a text", empty: true, scalars: true, characters: "data" },
    doc: "What an `http` task sends, as text; templates are expanded.",
  },
  form: {
    type: { kind: "map", keys: datum, of: datum, emptyValue: "" },
    doc: "What an `http` task sends, as the fields of a form; templates are expanded in the values.",
    example: { day: "${{ params.day }}" },
  },
  file: {
    type: path,
    doc: "The file that an `http` task sends, looked for in the job file's folder, then in the working directory; templates are expanded.",
    example: "report.csv",
  },
  expect: {
    type: {
      kind: "object",
      fields: {
        status: {
          type: { kind: "shape", scalar: status, list: { kind: "list", of: status, minItems: 1, unique: true } },
          required: true,
          doc: "The statuses with which an `http` task completes.",
          example: [200, 202],
        },
      },
    },
    doc: "What an `http` task expects of the answer.",
    absent: "a status from 200 to 299",
    example: { status: [200, 202] },
  },
  outputs: {
    type: {
      kind: "map",
      keys: outputName,
      of: { kind: "text", form: "a JSON pointer", empty: true, maxLength: 1024, characters: "name" },
    },
    doc: "Outputs of an `http` task: JSON pointers (RFC 6901) into the answer. One that finds nothing fails the task.",
    example: { job: "/data/id" },
  },
  ca_file: {
    type: path,
    doc: "The certificates (PEM) that an `http` task trusts, relative to the job file's folder.",
    absent: "those that the executable trusts",
    example: "/etc/petit/ca.pem",
  },
} as const satisfies Readonly<Record<string, Field>>;

export const HTTP_FIELD_NAMES = [
  "url",
  "method",
  "headers",
  "json",
  "body",
  "form",
  "file",
  "expect",
  "outputs",
  "ca_file",
] as const satisfies readonly (keyof typeof HTTP_FIELDS)[];
