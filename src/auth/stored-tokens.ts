import { hash, randomBytes } from "node:crypto";
import type { Role } from "../domain/people/role.ts";
import type { JobLimit } from "../domain/people/scope.ts";
import type { StoredToken } from "../domain/people/token.ts";
import type { Store } from "../store/store.ts";

/** A token that was just created. Its text is not stored, so it can't be shown again. */
export type CreatedToken = JobLimit & {
  readonly name: string;
  readonly role: Role;
  readonly token: string;
  /** In ms since the Unix epoch; null if it does not expire. */
  readonly expiresAt: number | null;
};

export type TokenRequest = JobLimit & {
  readonly name: string;
  readonly role: Role;
  readonly expiresAt: number | null;
  /** Who asks for it; null if that is not known. */
  readonly by: string | null;
};

export type RotateRequest = { readonly name: string; readonly graceMs: number; readonly by: string | null };

type Stored = Pick<Store, "tokens">;

/** Creates a token. Throws `conflict` if a valid one has its name. */
export const createToken = ({ tokens }: Stored, request: TokenRequest, now: number): CreatedToken => {
  const { name, role, jobs, tags, expiresAt } = request;
  const token = newText();
  tokens.create({ ...request, digest: digestOf(token) }, now);
  return { name, role, jobs, tags, token, expiresAt };
};

/** Creates a token in place of another one, which stays valid for the grace time. Throws `not_found` if there is no valid one. */
export const rotateToken = ({ tokens }: Stored, request: RotateRequest, now: number): CreatedToken => {
  const { name, graceMs, by } = request;
  const token = newText();
  const rotated = tokens.rotate({ name, by, graceUntil: now + graceMs, digest: digestOf(token) }, now);
  const { role, jobs, tags, expiresAt } = rotated;
  return { name, role, jobs, tags, token, expiresAt };
};

/** Returns whether petit requires a token because of those that it stores. One that has expired counts: time opens nothing. */
export const needsStoredToken = (tokens: readonly StoredToken[]): boolean =>
  tokens.some(({ revokedAt }) => revokedAt === null);

/** The prefix lets tools find tokens that were published by mistake. */
const newText = (): string => `petit_${randomBytes(32).toString("base64url")}`;

/** Returns the SHA-256 of a text in hexadecimal. */
export const digestOf = (text: string): string => hash("sha256", text);
