import type { Role } from "./role.ts";
import type { JobScope } from "./scope.ts";

/**
 * How a person came in: by nothing, because petit requires no token; by a token with the request; by a login with a token in a
 * browser; through a proxy that has identified the person; or by a login at an OpenID provider.
 */
export const VIAS = ["anonymous", "token", "session", "proxy", "provider"] as const;
export type Via = (typeof VIAS)[number];

/** The longest name of a person whom somebody else has identified. */
const MAX_NAME_LENGTH = 256;

/**
 * Returns whether a text can be the name of a person whom somebody else has identified. Characters that can't be seen, also spaces at its ends,
 * could make it look like another one.
 */
export const isPersonName = (text: string): boolean =>
  text !== "" &&
  text.length <= MAX_NAME_LENGTH &&
  !/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|^\p{Zs}|\p{Zs}$/u.test(text);

/** Who sends a request. */
export type Person = {
  /** The name of the person, or of the token; null if it has none, or if petit requires no token. */
  readonly name: string | null;
  readonly role: Role;
  /** The jobs that the person is limited to; null for all jobs. */
  readonly scope: JobScope;
  readonly via: Via;
};
