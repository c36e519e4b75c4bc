import type { ObjectType } from "./field.ts";
import { path } from "./text.ts";

/** Messages do not quote the name, because a user may have written the secret itself here. */
const variable = { kind: "text", form: "a variable name", maxLength: 128, characters: "name" } as const;
const credential = { kind: "text", form: "the name of a credential", maxLength: 255, characters: "name" } as const;

/** Where a secret is read. */
export const SECRET = {
  kind: "object",
  fields: {
    env: {
      type: variable,
      doc: "A variable of petit's own environment that holds it; where its name begins with PETIT_, no task inherits it.",
      example: "PETIT_HOOK_SECRET",
    },
    file: {
      type: path,
      doc: "A file that holds it, relative to the job file's folder; its last newline doesn't count.",
      example: "/run/secrets/hook",
    },
    credential: {
      type: credential,
      doc: "A credential that systemd passes to petit's service (`LoadCredential=`), by its name.",
      example: "hook",
    },
  },
  exclusive: [["env", "file", "credential"]],
  oneOf: [["env", "file", "credential"]],
} as const satisfies ObjectType;
