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

/** Matches what a header can carry: Latin-1 characters without control characters. */
export const HEADER_VALUE = /^[\x20-\x7e\xa0-\xff]*$/;

/** Returns why a text can't be the value of a header, or null. */
export const whyNotHeader = (text: string): string | null =>
  HEADER_VALUE.test(text) ? null : "contains a character that a header cannot carry; expected Latin-1 characters";
