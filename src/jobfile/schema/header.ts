import type { TextType } from "./field.ts";

export const header = {
  kind: "text",
  form: "a header's value",
  empty: true,
  scalars: true,
  maxLength: 4096,
  characters: "name",
} as const satisfies TextType;

export const headerName = {
  kind: "text",
  form: "a header's name",
  pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$",
  characters: "name",
} as const satisfies TextType;
