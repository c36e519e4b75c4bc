import { whyUnlisted } from "../../domain/param.ts";
import type { Param } from "../data/shapes.ts";

type Params = Readonly<Record<string, Param>>;
export type Values = Readonly<Record<string, string>>;

/** What is wrong with a form: by param, and `rest` with the form as a whole. */
export type Problems = { readonly of: Readonly<Record<string, string>>; readonly rest: string | null };

export const NO_PROBLEM: Problems = { of: {}, rest: null };

export const defaultsOf = (params: Params): Values =>
  Object.fromEntries(Object.entries(params).map(([name, param]) => [name, param.default ?? ""]));

/** What a trigger is given: a field that is empty and has no default gives nothing. */
export const givenValues = (params: Params, values: Values): Values =>
  Object.fromEntries(
    Object.entries(params).flatMap(([name, param]) => {
      const value = values[name] ?? "";
      return value === "" && param.default === null ? [] : [[name, value]];
    }),
  );

/** Returns what petit would refuse, in its words, except for patterns: only petit has the engine that matches them. */
export const problemsOf = (params: Params, values: Values): Problems => {
  const given = givenValues(params, values);
  const of = Object.entries(params).flatMap(([name, param]) => {
    const value = given[name];
    const problem = value === undefined ? whyMissing(param) : whyUnlisted(name, param, value);
    return problem === null ? [] : [[name, atField(problem)]];
  });
  return { of: Object.fromEntries(of), rest: null };
};

const whyMissing = ({ required }: Param): string | null => (required ? "is required" : null);

/** What petit refused, each part at its field: `param 'day' can't be 'x'; expected …; param 'level' is required`. */
export const problemsIn = (params: Params, message: string): Problems => {
  const parts = message.split(/(?:^|; )(?=param ')/).filter((part) => part !== "");
  const named = parts.map((part) => ({ part, name: /^param '([^']*)'/.exec(part)?.[1] ?? "" }));
  const of = named.filter(({ name }) => Object.hasOwn(params, name)).map(({ part, name }) => [name, atField(part)]);
  const rest = named.filter(({ name }) => !Object.hasOwn(params, name)).map(({ part }) => part);
  return { of: Object.fromEntries(of), rest: rest.length === 0 ? null : rest.join("; ") };
};

/** The field says which param it is. */
const atField = (problem: string): string => {
  const text = problem.replace(/^param '[^']*' /, "");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
};
