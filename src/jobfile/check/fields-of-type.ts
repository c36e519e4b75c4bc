import type { Path } from "../parse/node.ts";
import type { Report } from "../report.ts";

type FieldsOfType<Field extends string> = {
  /** The value with its type, for messages: "an email entry". */
  readonly what: string;
  readonly given: readonly Field[];
  readonly required: readonly Field[];
  readonly optional: readonly Field[];
  /** Fields of all types, for messages. */
  readonly common: readonly string[];
  readonly path: Path;
  readonly report: Report;
};

/** Checks that a value has only the fields of its type, and those that the type requires. */
export const checkFieldsOfType = <Field extends string>(fields: FieldsOfType<Field>): void => {
  const { what, given, required, optional, common, path, report } = fields;
  const allowed = [...required, ...optional];
  const strangers = given.filter((field) => !allowed.includes(field));
  for (const field of strangers)
    report.addAt([...path, field], `is not a field of ${what}; expected ${[...allowed, ...common].join(", ")}`);
  // A field that does not belong here probably replaces the missing one: report one mistake, not two.
  if (strangers.length > 0) return;
  const missing = required.filter((field) => !given.includes(field) && !report.has([...path, field]));
  for (const field of missing) report.addAt([...path, field], `missing; ${what} needs it`);
};

/** Returns a type with its article: an approval, an http, an ssh. */
export const withArticle = (type: string): string => `${/^([aeiou]|http|ssh)/.test(type) ? "an" : "a"} ${type}`;
