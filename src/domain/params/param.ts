import { suggest } from "../../lib/suggest.ts";
import { shorten } from "../../lib/text.ts";
import type { ParamProblem } from "../errors.ts";
import type { Param } from "../job.ts";
import type { ParamValues } from "../run.ts";
import { paramVariable } from "../task-environment.ts";
import { whyUnmatched } from "./pattern.ts";

/** The values, or one problem for each param that doesn't fit; at least one. */
export type ResolvedParams = { readonly values: ParamValues } | { readonly problems: readonly ParamProblem[] };

/**
 * Returns the param values of a run: those of the trigger, then the defaults. A param with neither has no value.
 */
export const resolveParams = (
  params: Readonly<Record<string, Param>>,
  given: Readonly<Record<string, string>>,
): ResolvedParams => {
  const problems = unknownParams(params, Object.keys(given));
  const values: [string, string][] = [];
  for (const [name, param] of Object.entries(params)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    // Defaults were checked when the file was read.
    const problem = value === undefined ? whyMissing(name, param) : whyUnfit(name, param, value);
    const used = value ?? param.default;
    if (problem !== null) problems.push({ name, problem });
    else if (used !== null) values.push([name, used]);
  }
  return problems.length === 0 ? { values: Object.fromEntries(values) } : { problems };
};

/** How many unknown params, and how many that the job takes, are named. */
const MAX_NAMED = 20;

const unknownParams = (params: Readonly<Record<string, Param>>, given: readonly string[]): ParamProblem[] => {
  const unknown = given.filter((name) => !Object.hasOwn(params, name));
  const more = unknown.length - MAX_NAMED;
  return unknown.slice(0, MAX_NAMED).map((name, index) => {
    const problem = unknownParam(params, name);
    return { name, problem: more > 0 && index === MAX_NAMED - 1 ? `${problem}; ${more} more are unknown` : problem };
  });
};

const unknownParam = (params: Readonly<Record<string, Param>>, name: string): string => {
  const names = Object.keys(params);
  const near = suggest(shorten(name), names);
  if (near !== null) return `unknown param '${shorten(name)}'; did you mean '${near}'?`;
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : "";
  const taken =
    names.length === 0 ? "the job takes none" : `the job takes ${names.slice(0, MAX_NAMED).join(", ")}${more}`;
  return `unknown param '${shorten(name)}'; ${taken}`;
};

const whyMissing = (name: string, param: Param): string | null => {
  if (!param.required || param.default !== null) return null;
  return `param '${name}' is required${param.enum === null ? "" : `; expected one of ${param.enum.join(", ")}`}`;
};

/** Returns what is wrong with the value of a param, or null. Requires `loadPatterns` if the param has a pattern. */
export const whyUnfit = (name: string, param: Pick<Param, "enum" | "pattern">, value: string): string | null => {
  const problem = whyUnlisted(name, param, value);
  if (problem !== null || param.pattern === null) return problem;
  const mismatch = whyUnmatched(param.pattern, value);
  return mismatch === null ? null : `param '${name}' ${mismatch}`;
};

/** Like `whyUnfit`, without the pattern. The page uses it and leaves the pattern to the server. */
export const whyUnlisted = (name: string, param: Pick<Param, "enum">, value: string): string | null => {
  const problem = whyNotGiven(paramVariable(name), value);
  if (problem !== null) return `param '${name}' ${problem}`;
  if (param.enum === null || param.enum.includes(value)) return null;
  const near = suggest(shorten(value), param.enum);
  const hint = near === null ? `expected one of ${param.enum.join(", ")}` : `did you mean '${near}'?`;
  return `param '${name}' can't be '${shorten(value)}'; ${hint}`;
};

/** Linux's MAX_ARG_STRLEN (execve(2)): maximum size of a `NAME=value` string with its terminating NUL, in bytes. */
const MAX_VARIABLE_BYTES = 131_072;

/** Returns why a process cannot receive `value` in that environment variable, or null. */
export const whyNotGiven = (variable: string, value: string): string | null => {
  // NUL terminates variables and arguments.
  if (value.includes("\0")) return "contains a NUL character, which cannot be passed to a process";
  if (!value.isWellFormed()) return "contains an unpaired surrogate, which cannot be passed to a process";
  const maxBytes = MAX_VARIABLE_BYTES - `${variable}=\0`.length;
  // UTF-8 needs at least one and at most three bytes for each UTF-16 code unit.
  if (value.length * 3 <= maxBytes) return null;
  const bytes = new TextEncoder().encode(value).length;
  return bytes <= maxBytes ? null : `has ${bytes} bytes; expected at most ${maxBytes}, the limit for a process`;
};
