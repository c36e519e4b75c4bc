/** Says that somebody is known, but may do nothing. */
export const noRoleText = (name: string, contact: string | null): string =>
  `'${name}' is logged in, but has no role here; ${contact === null ? "an administrator of this petit can give one" : `ask ${contact} for one`}`;
