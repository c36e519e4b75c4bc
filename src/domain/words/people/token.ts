import { formatDuration } from "../../../lib/duration.ts";
import type { Role } from "../../people/role.ts";

type Created = { readonly name: string; readonly role: Role };

/** Returns what was done. `isFirst`: until now petit stored no token. */
export const createdTokenText = ({ name, role }: Created, isFirst: boolean): string =>
  `created the token '${name}' with the role ${role}${isFirst ? "; it is the first one, so petit requires a token from now on" : ""}`;

export const rotatedTokenText = (name: string, graceMs: number): string =>
  `created a new token '${name}'; ${graceMs === 0 ? "the former one is refused" : `the former one is valid for ${formatDuration(graceMs)}`}`;

/** `isLast`: petit stores no other token. */
export const revokedTokenText = (name: string, isLast: boolean): string =>
  `revoked the token '${name}'${isLast ? "; it was the last one, so without a token file everybody who reaches petit on this machine is an admin now" : ""}`;
