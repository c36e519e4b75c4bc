import type { Role } from "./role.ts";

/** A token of the API. The name says whose it is; null if it has none. */
export type ApiToken = { readonly name: string | null; readonly role: Role; readonly token: string };

/** A name of a token. */
export const TOKEN_NAME = /^[A-Za-z0-9][\w.@+-]{0,63}$/;
