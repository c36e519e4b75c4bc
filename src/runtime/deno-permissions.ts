/// <reference path="./deno-api.d.ts" />
/** All that Deno grants or not. */
const PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"] as const;

/**
 * Throws where any of them is missing, or granted in part: to tell its tasks from others' processes petit reads `/proc`,
 * which Deno grants to who may do everything. To ask what is granted never has Deno ask the user.
 */
export const assertAllowed = (): void => {
  const missing = PERMISSIONS.filter((name) => !isGranted(name)).map((name) => `--allow-${name}`);
  if (missing.length > 0)
    throw new Error(`Deno does not grant ${missing.join(", ")} in full; petit needs all that deno run -A grants`);
};

const isGranted = (name: (typeof PERMISSIONS)[number]): boolean => {
  const { state, partial } = Deno.permissions.querySync({ name });
  return state === "granted" && !partial;
};
