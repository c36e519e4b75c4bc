import { shorten } from "../lib/shorten.ts";
import { suggest } from "../lib/suggest.ts";
import type { Param } from "./job.ts";
import { whyUnmatched } from "./pattern.ts";
import type { ParamValues } from "./run.ts";
import { paramVariable } from "./task-environment.ts";

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
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    // A default was checked when its file was read.
    const problem = value === undefined ? whyMissing(name, param) : whyUnfit(name, param, value);
    const used = value ?? param.default;
    if (problem !== null) problems.push(problem);
    else if (used !== null) values.push([name, used]);
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
  if (!param.required || param.default !== null) return null;
  return `param '${name}' is required${param.enum === null ? "" : `; expected one of ${param.enum.join(", ")}`}`;
};

/** Returns null if the value fits the param, else what is wrong with it. Needs `loadPatterns` if the param has a pattern. */
export const whyUnfit = (name: string, param: Pick<Param, "enum" | "pattern">, value: string): string | null => {
  const problem = whyUnlisted(name, param, value);
  if (problem !== null || param.pattern === null) return problem;
  const mismatch = whyUnmatched(param.pattern, value);
  return mismatch === null ? null : `param '${name}' ${mismatch}`;
};

/** Does what `whyUnfit` does, without the pattern: the page leaves that to the server. */
export const whyUnlisted = (name: string, param: Pick<Param, "enum">, value: string): string | null => {
  const problem = whyNotGiven(paramVariable(name), value);
  if (problem !== null) return `param '${name}' ${problem}`;
  if (param.enum === null || param.enum.includes(value)) return null;
  const near = suggest(shorten(value), param.enum);
  const hint = near === null ? `expected one of ${param.enum.join(", ")}` : `did you mean '${near}'?`;
  return `param '${name}' can't be '${shorten(value)}'; ${hint}`;
};

/** Linux's MAX_ARG_STRLEN: the bytes of a `NAME=value` string with the NUL that ends it. A longer one fails execve. */
const MAX_VARIABLE_BYTES = 131_072;

/** Returns null if a process can be given `value` in that environment variable, else why not. */
export const whyNotGiven = (variable: string, value: string): string | null => {
  // It ends a variable and an argument.
  if (value.includes("\0")) return "can't hold a NUL character: no process could be given it";
  if (!value.isWellFormed()) return "can't hold half of a surrogate pair: no process could be given it";
  const maxBytes = MAX_VARIABLE_BYTES - `${variable}=\0`.length;
  // No character has fewer bytes than UTF-16 units, or more than three times as many.
  if (value.length * 3 <= maxBytes) return null;
  const bytes = new TextEncoder().encode(value).length;
  return bytes <= maxBytes ? null : `has ${bytes} bytes; expected at most ${maxBytes}: no process could be given more`;
};
