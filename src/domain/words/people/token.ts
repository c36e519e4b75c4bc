import { formatDuration } from "../../../lib/duration.ts";
import type { Role } from "../../people/role.ts";
import { type JobLimit, limitOf } from "../../people/scope.ts";
import { scopeText } from "./scope.ts";

type Created = JobLimit & { readonly name: string; readonly role: Role };

/** `isFirst`: until now petit stored no token. `matching`: how many jobs the token is limited to now; null for all. */
type CreatedFacts = { readonly isFirst: boolean; readonly matching: number | null };

/** Returns what was done. */
export const createdTokenText = ({ name, role, jobs, tags }: Created, { isFirst, matching }: CreatedFacts): string => {
  const scope = limitOf(jobs, tags);
  const limit = scope === null ? "" : `, limited to ${scopeText(scope)}${matchingText(matching)}`;
  const first = isFirst ? "; it is the first one, so petit requires a token from now on" : "";
  return `created the token '${name}' with the role ${role}${limit}${first}`;
};

const matchingText = (matching: number | null): string => {
  if (matching === null) return "";
  if (matching === 0) return " (no job is among them now)";
  return matching === 1 ? " (1 job)" : ` (${matching} jobs)`;
};

export const rotatedTokenText = (name: string, graceMs: number): string =>
  `created a new token '${name}'; ${graceMs === 0 ? "the former one is refused" : `the former one is valid for ${formatDuration(graceMs)}`}`;

/** `isLast`: petit stores no other token. */
export const revokedTokenText = (name: string, isLast: boolean): string =>
  `revoked the token '${name}'${isLast ? "; it was the last one, so without a token file everybody who reaches petit on this machine is an admin now" : ""}`;
