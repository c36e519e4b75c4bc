import { shorten } from "../lib/shorten.ts";
import { suggest } from "../lib/suggest.ts";
import type { Param } from "./job.ts";
import type { ParamValues } from "./run.ts";

export type ResolvedParams = { readonly values: ParamValues } | { readonly problem: string };

/**
 * The values a run gets: what the trigger gave, then defaults. A param that has neither has no value. The problem names
 * every value that doesn't fit.
 */
export const resolveParams = (
  params: Readonly<Record<string, Param>>,
  given: Readonly<Record<string, string>>,
): ResolvedParams => {
  const problems = Object.keys(given).flatMap((name) =>
    Object.hasOwn(params, name) ? [] : [unknownParam(params, name)],
  );
  const values: [string, string][] = [];
  for (const [name, param] of Object.entries(params)) {
    const value = Object.hasOwn(given, name) ? given[name] : param.default;
    const problem = value === undefined || value === null ? whyMissing(name, param) : whyUnfit(name, param, value);
    if (problem !== null) problems.push(problem);
    else if (value !== undefined && value !== null) values.push([name, value]);
  }
  return problems.length > 0 ? { problem: problems.join("; ") } : { values: Object.fromEntries(values) };
};

const unknownParam = (params: Readonly<Record<string, Param>>, name: string): string => {
  const names = Object.keys(params);
  const near = suggest(shorten(name), names);
  if (near !== null) return `unknown param '${name}'; did you mean '${near}'?`;
  return `unknown param '${shorten(name)}'; ${names.length === 0 ? "the job takes none" : `the job takes ${names.join(", ")}`}`;
};

const whyMissing = (name: string, param: Param): string | null => {
  if (!param.required) return null;
  return `param '${name}' is required${param.enum === null ? "" : `; expected one of ${param.enum.join(", ")}`}`;
};

/** Null where the value fits the param, else why not. */
export const whyUnfit = (name: string, param: Pick<Param, "enum" | "pattern">, value: string): string | null => {
  const problem = whyNotGiven(value);
  if (problem !== null) return `param '${name}' ${problem}`;
  if (param.enum !== null && !param.enum.includes(value)) {
    const near = suggest(shorten(value), param.enum);
    const hint = near === null ? `expected one of ${param.enum.join(", ")}` : `did you mean '${near}'?`;
    return `param '${name}' can't be '${shorten(value)}'; ${hint}`;
  }
  if (param.pattern !== null && !new RegExp(param.pattern, "u").test(value)) {
    return `param '${name}' can't be '${shorten(value)}'; expected a value that matches ${param.pattern}`;
  }
  return null;
};

/** Null where a process can be given a text in a variable or an argument, else why not. */
export const whyNotGiven = (text: string): string | null => {
  // It ends a variable and an argument.
  if (text.includes("\0")) return "can't hold a NUL character: no process could be given it";
  return text.isWellFormed() ? null : "can't hold half of a surrogate pair: no process could be given it";
};
