import { whyUnlisted } from "../../domain/param.ts";
import type { ParamData } from "../data/shapes.ts";

type ParamDeclarations = Readonly<Record<string, ParamData>>;
export type Values = Readonly<Record<string, string>>;

/** Problems of a form: by param, and `general` for the form as a whole. */
export type FormProblems = { readonly byParam: Readonly<Record<string, string>>; readonly general: string | null };

export const NO_PROBLEM: FormProblems = { byParam: {}, general: null };

/** Returns the initial values of a form. */
export const defaultsOf = (params: ParamDeclarations): Values =>
  Object.fromEntries(Object.entries(params).map(([name, param]) => [name, param.default ?? ""]));

/** Returns the values to send: an empty field without a default is omitted. */
export const givenValues = (params: ParamDeclarations, values: Values): Values =>
  Object.fromEntries(
    Object.entries(params).flatMap(([name, param]) => {
      const value = values[name] ?? "";
      return value === "" && param.default === null ? [] : [[name, value]];
    }),
  );

/** Returns the problems that petit would report, except for patterns: only petit has the engine that matches them. */
export const problemsOf = (params: ParamDeclarations, values: Values): FormProblems => {
  const given = givenValues(params, values);
  const of = Object.entries(params).flatMap(([name, param]) => {
    const value = given[name];
    const problem = value === undefined ? whyMissing(param) : whyUnlisted(name, param, value);
    return problem === null ? [] : [[name, atField(problem)]];
  });
  return { byParam: Object.fromEntries(of), general: null };
};

const whyMissing = ({ required }: ParamData): string | null => (required ? "is required" : null);

/** Splits a message by param: `param 'day' can't be 'x'; expected …; param 'level' is required`. */
export const problemsIn = (params: ParamDeclarations, message: string): FormProblems => {
  const parts = message.split(/(?:^|; )(?=param ')/).filter((part) => part !== "");
  const named = parts.map((part) => ({ part, name: /^param '([^']*)'/.exec(part)?.[1] ?? "" }));
  const of = named.filter(({ name }) => Object.hasOwn(params, name)).map(({ part, name }) => [name, atField(part)]);
  const rest = named.filter(({ name }) => !Object.hasOwn(params, name)).map(({ part }) => part);
  return { byParam: Object.fromEntries(of), general: rest.length === 0 ? null : rest.join("; ") };
};

/** Removes the name of the param, which the label of the field shows. */
const atField = (problem: string): string => {
  const text = problem.replace(/^param '[^']*' /, "");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
};
