import type { ParamProblem } from "../../domain/errors.ts";
import { whyUnlisted } from "../../domain/params/param.ts";
import type { ParamData } from "../data/shapes.ts";

type ParamDeclarations = Readonly<Record<string, ParamData>>;
export type Values = Readonly<Record<string, string>>;

/** Problems of a form: by param, and `general` for the form as a whole. */
export type FormProblems = { readonly byParam: Readonly<Record<string, string>>; readonly general: string | null };

export const NO_PROBLEM: FormProblems = { byParam: {}, general: null };

/** Returns the initial values of a form. A hidden default is not one: petit takes it for a field that stays empty. */
export const defaultsOf = (params: ParamDeclarations): Values =>
  Object.fromEntries(
    Object.entries(params).map(([name, param]) => [name, (param.secret ? null : param.default) ?? ""]),
  );

/** Returns the values to send: an empty field without a default, or with a hidden one, is omitted. */
export const givenValues = (params: ParamDeclarations, values: Values): Values =>
  Object.fromEntries(
    Object.entries(params).flatMap(([name, param]) => {
      const value = values[name] ?? "";
      return value === "" && (param.default === null || param.secret) ? [] : [[name, value]];
    }),
  );

/** Returns the problems that petit would report, except for patterns: only petit has the engine that matches them. */
export const problemsOf = (params: ParamDeclarations, values: Values): FormProblems => {
  const given = givenValues(params, values);
  const of = Object.entries(params).flatMap(([name, param]) => {
    const value = given[name];
    const { secret } = param;
    const problem = value === undefined ? whyMissing(param) : whyUnlisted(name, secret ? NO_ENUM : param, value);
    return problem === null ? [] : [[name, atField(problem)]];
  });
  return { byParam: Object.fromEntries(of), general: null };
};

/** The allowed values of a secret param are hidden. petit checks it. */
const NO_ENUM = { enum: null } as const;

const whyMissing = (param: ParamData): string | null =>
  param.required && param.default === null ? "is required" : null;

/** Assigns the problems that petit reported to the fields of a form. Without problems of params, `message` is general. */
export const problemsIn = (
  params: ParamDeclarations,
  { message, problems = [] }: { readonly message: string; readonly problems?: readonly ParamProblem[] | undefined },
): FormProblems => {
  if (problems.length === 0) return { byParam: {}, general: message };
  const isField = ({ name }: ParamProblem): boolean => Object.hasOwn(params, name);
  const byField = problems.filter(isField).map(({ name, problem }) => [name, atField(problem)]);
  const others = problems.filter((each) => !isField(each)).map(({ problem }) => problem);
  return { byParam: Object.fromEntries(byField), general: others.length === 0 ? null : others.join("; ") };
};

/** Removes the name of the param, which the label of the field shows. */
const atField = (problem: string): string => {
  const text = problem.replace(/^param '[^']*' /, "");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
};
