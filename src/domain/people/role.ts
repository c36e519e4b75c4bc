/** What people may do, from the least to the most. Each role may do what those before it may. */
export const ROLES = ["viewer", "operator", "admin"] as const;

/**
 * - `viewer`: reads.
 * - `operator`: also triggers, cancels, retries, approves, and pauses jobs.
 * - `admin`: also decides about petit itself: its job files, its workers, its scheduler, its tokens.
 */
export type Role = (typeof ROLES)[number];

/** The role that a request needs; `none` if it needs no person: health checks, webhooks, and logging in and out. */
export type NeededRole = Role | "none";

/** Returns whether a role may do what needs `needed`. */
export const isAtLeast = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);
