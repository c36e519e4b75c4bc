import { ID_PATTERN } from "../../domain/ids.ts";
import { TAG_FORM, TAG_PATTERN } from "../../domain/job.ts";
import { LABEL_PATTERN } from "../../domain/workers/labels.ts";
import type { ShapeType, TextType } from "./field.ts";

const ID_FORM = "1 to 128 letters, digits, '_', '.' and '-', the first one a letter or a digit";

export const jobId = {
  kind: "text",
  form: `a job's id: ${ID_FORM}`,
  pattern: ID_PATTERN,
  characters: "name",
} as const satisfies TextType;
export const taskId = {
  kind: "text",
  form: `a task's id: ${ID_FORM}`,
  pattern: ID_PATTERN,
  characters: "name",
} as const satisfies TextType;
export const queueName = {
  kind: "text",
  form: `a queue's name: ${ID_FORM}`,
  pattern: ID_PATTERN,
  characters: "name",
} as const satisfies TextType;
export const title = { kind: "text", form: "a name", maxLength: 256, characters: "name" } as const satisfies TextType;
export const outputName = {
  kind: "text",
  form: "an output's name: letters, digits, '_', '.' and '-', the first one a letter or '_'",
  pattern: "^[A-Za-z_][A-Za-z0-9_.-]{0,127}$",
  characters: "name",
} as const satisfies TextType;
export const prose = { kind: "text", form: "a text", empty: true } as const satisfies TextType;
export const path = { kind: "text", form: "a path", characters: "name" } as const satisfies TextType;
export const artifactPattern = {
  kind: "text",
  form: "a pattern of files",
  maxLength: 1024,
  characters: "name",
} as const satisfies TextType;
export const datum = {
  kind: "text",
  form: "a text",
  empty: true,
  scalars: true,
  characters: "argument",
} as const satisfies TextType;

/** Tags contain no comma, which separates them in a query. */
export const tag = {
  kind: "text",
  form: TAG_FORM,
  pattern: TAG_PATTERN,
  characters: "name",
} as const satisfies TextType;
/** A label of a worker, such as `gpu` or `zone=eu`. */
const label = {
  kind: "text",
  form: "a label: 1 to 63 letters, digits, '_', '.', '=', '/' and '-', the first one a letter or a digit",
  pattern: LABEL_PATTERN,
  characters: "name",
} as const satisfies TextType;
/** What a worker has to have. */
export const labels = {
  kind: "shape",
  scalar: label,
  list: { kind: "list", of: label, minItems: 0, unique: true },
} as const satisfies ShapeType;
export const formerIds = {
  kind: "shape",
  scalar: jobId,
  list: { kind: "list", of: jobId, minItems: 0, unique: true },
} as const satisfies ShapeType;
export const linkName = {
  kind: "text",
  form: "a link's name",
  maxLength: 64,
  characters: "name",
} as const satisfies TextType;
export const linkUrl = { kind: "text", form: "a URL", maxLength: 2048, characters: "name" } as const satisfies TextType;
