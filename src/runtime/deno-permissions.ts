/// <reference path="./deno-api.d.ts" />
/** All permissions of Deno. */
const PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"] as const;

/**
 * Throws if any permission is missing or partial. petit reads `/proc` to identify the processes of its tasks, which Deno allows
 * only with all permissions. Querying a permission does not prompt the user.
 */
export const assertAllowed = (): void => {
  const missing = PERMISSIONS.filter((name) => !isGranted(name)).map((name) => `--allow-${name}`);
  if (missing.length > 0)
    throw new Error(`Deno does not grant ${missing.join(", ")} in full; petit requires all permissions (deno run -A)`);
};

const isGranted = (name: (typeof PERMISSIONS)[number]): boolean => {
  const { state, partial } = Deno.permissions.querySync({ name });
  return state === "granted" && !partial;
};
